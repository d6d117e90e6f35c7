"""Keep what ended a run in its log file."""

from __future__ import annotations

import logging

from mmengine.logging import MMLogger


def to_log_file(text: str) -> str | None:
    """Write to the log files of the run alone: the screen gets a shorter form.

    Args:
        text: Any number of lines.

    Returns:
        Path of the log file; None if no run has begun, or this rank keeps no file.
    """
    if not MMLogger._instance_dict:  # asking for the current logger would make one
        return None
    logger = MMLogger.get_current_instance()
    files = [one for one in logger.handlers if isinstance(one, logging.FileHandler)]
    record = logger.makeRecord(logger.name, logging.ERROR, '', 0, text, (), None)
    raising, logging.raiseExceptions = logging.raiseExceptions, False  # such as on a full disk
    try:
        for handler in files:
            handler.handle(record)
    finally:
        logging.raiseExceptions = raising
    return files[0].baseFilename if files else None
