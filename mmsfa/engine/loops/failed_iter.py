"""A training loop that tells its hooks when an iteration breaks."""

from __future__ import annotations

from typing import Any

from mmengine.runner import BaseLoop


class FailedIterMixin(BaseLoop):
    """Stands in front of one of mmengine's training loops.

    When an iteration raises an exception or is interrupted, hooks with a method
    ``after_failed_iter(runner, error)`` get it. Such a hook may look at what is left and raise a
    better one; otherwise the loop raises what it got.
    """

    def run_iter(self, *args: Any, **kwargs: Any) -> None:
        """Train one iteration."""
        try:
            super().run_iter(*args, **kwargs)
        except BaseException as error:
            self.runner.call_hook('after_failed_iter', error=error)
            raise
