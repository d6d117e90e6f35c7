"""Keep the running statistics of BatchNorm and of membranes the same on every process."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.dist import all_reduce_params, is_distributed
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.nn import SyncBatchNorm
from torch.nn.modules.batchnorm import _BatchNorm

from mmsfa.neurons import RunningMean


@HOOKS.register_module()
class SyncNormStatsHook(Hook):
    """Averages running means and variances over all processes after each training iteration.

    So it does with the running means of neurons (`RunningMean`): limits of quantised membranes and
    adaptive thresholds.

    Without it every process validates with its own statistics while the checkpoint holds those of
    process 0, so a test of the checkpoint gives other figures than the validation did. mmengine's
    ``SyncBuffersHook`` comes too late for this in iteration-based training: the checkpoint is
    already written.
    """

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: object = None,
        outputs: Sequence | dict | None = None,
    ) -> None:
        """Average the statistics; nothing to do for one process."""
        if not is_distributed():
            return
        stats = [
            buffer
            for module in runner.model.modules()
            if module.training
            for buffer in _running(module)
            if buffer is not None
        ]
        if stats:
            all_reduce_params(stats, op='mean')


def _running(module: nn.Module) -> tuple[Tensor | None, ...]:
    if isinstance(module, RunningMean):
        return (getattr(module, module.running_name) if module.running_name else None,)
    if isinstance(module, _BatchNorm) and not isinstance(module, SyncBatchNorm):
        return module.running_mean, module.running_var
    return ()  # a SyncBatchNorm is the same everywhere already
