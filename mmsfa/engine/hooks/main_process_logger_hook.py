"""One writer for the metrics of a test."""

from __future__ import annotations

from mmengine.dist import is_main_process
from mmengine.hooks import LoggerHook
from mmengine.registry import HOOKS
from mmengine.runner import Runner


@HOOKS.register_module()
class MainProcessLoggerHook(LoggerHook):
    """mmengine's ``LoggerHook``, whose main process alone writes the metrics of a test.

    The original lets every process write the same JSON file. Their times differ in length, so two
    that write at once can leave a file that cannot be read.
    """

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Log and write the metrics."""
        if is_main_process():
            super().after_test_epoch(runner, metrics)
