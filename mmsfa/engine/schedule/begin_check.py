"""Refuse a run that ends before a part of its schedule begins."""

from __future__ import annotations

from mmengine.config import Config

from mmsfa.engine.errors import OptionError


def check_begins(cfg: Config) -> None:
    """Look at every scheduler that lasts to the end of the run, as one behind a warm-up does.

    mmengine sets its ``end`` to the length of the run, and then only says that this number is too
    small.

    Args:
        cfg: The whole config.

    Raises:
        OptionError: One begins when the run has ended.
    """
    schedulers, train_cfg = cfg.get('param_scheduler'), cfg.get('train_cfg')
    if not isinstance(schedulers, (list, tuple)) or not isinstance(train_cfg, dict):
        return
    for index, settings in enumerate(schedulers):
        if not isinstance(settings, dict) or settings.get('end') is not None:
            continue
        unit = 'epoch' if settings.get('by_epoch', True) else 'iter'
        length, begin = train_cfg.get(f'max_{unit}s'), settings.get('begin', 0)
        if isinstance(length, int) and isinstance(begin, int) and begin >= length > 0:
            raise OptionError(
                f'param_scheduler.{index} ({settings.get("type")}) begins at {unit} {begin}, but '
                f'the run ends after {length}. Set train_cfg.max_{unit}s above {begin}, or '
                'param_scheduler=None for a constant learning rate.'
            )
