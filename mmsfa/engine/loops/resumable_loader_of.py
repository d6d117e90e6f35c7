"""The data loader of a training loop, from the runner's settings."""

from __future__ import annotations

from typing import Any

from mmengine.dist import get_rank
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from mmsfa.engine.hooks.plain_model import plain_model
from mmsfa.engine.loader import Labels, ResumableDataLoader


def labels_of(model: nn.Module) -> Labels | None:
    """The labels that the loss of a model can take.

    Args:
        model: Of mmdet, mmseg or mmpretrain.

    Returns:
        None where the head does not say, such as in pre-training.
    """
    roi_head = getattr(model, 'roi_head', None)
    heads = [getattr(model, name, None) for name in ('decode_head', 'head', 'bbox_head')]
    for head in [*heads, getattr(roi_head, 'bbox_head', None)]:
        head = head[0] if isinstance(head, (nn.ModuleList, list)) and len(head) else head
        if isinstance(getattr(head, 'num_classes', None), int):
            return Labels(head.num_classes, getattr(head, 'ignore_index', 255))
    return None


def resumable_loader_of(
    runner: Runner, dataloader: DataLoader | dict, **options: Any
) -> DataLoader:
    """Build a training loader as mmengine's loops do, and make it resumable.

    Args:
        runner: The runner of the training.
        dataloader: Settings, or a loader that was built before.
        **options: Of `ResumableDataLoader`.

    Returns:
        The loader as it is if it gives no batches of indexed samples (an iterable data set).
    """
    differ = runner._randomness_cfg.get('diff_rank_seed', False)
    if isinstance(dataloader, dict):
        dataloader = runner.build_dataloader(dataloader, seed=runner.seed, diff_rank_seed=differ)
    if not ResumableDataLoader.fits(dataloader):
        return dataloader
    seed = runner.seed - get_rank() if differ else runner.seed  # one for all ranks
    return ResumableDataLoader(dataloader, seed, labels_of(plain_model(runner)), **options)
