"""The data loader of a training loop, from the runner's settings."""

from __future__ import annotations

import logging
from typing import Any

from mmengine.dist import get_rank
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from mmsfa.engine.loader import Labels, ResumableDataLoader
from mmsfa.engine.plain_model import plain_model
from mmsfa.model_parts import class_head_of


def labels_of(model: nn.Module) -> Labels | None:
    """The labels that the loss of a model can take.

    Args:
        model: Of mmdet, mmseg or mmpretrain.

    Returns:
        None where the head does not say, such as in pre-training.
    """
    if any(kind.__name__ == 'RPN' for kind in type(model).__mro__):  # all of its labels become 0
        return None
    if hasattr(model, 'language_model'):  # labels are words, of which a head counts tokens
        return None
    head = class_head_of(model)
    return None if head is None else Labels(head.num_classes, getattr(head, 'ignore_index', 255))


def resumable_loader_of(
    runner: Runner, dataloader: DataLoader | dict, **options: Any
) -> DataLoader | ResumableDataLoader:
    """Build a training loader as mmengine's loops do, and make it resumable.

    Args:
        runner: The runner of the training.
        dataloader: Settings, or a loader that was built before.
        **options: Of `ResumableDataLoader`.

    Returns:
        The loader as it is if it gives no batches of indexed samples (an iterable data set), or
        has its own way to iterate.
    """
    differ = runner._randomness_cfg.get('diff_rank_seed', False)
    loader: DataLoader
    if isinstance(dataloader, dict):
        loader = runner.build_dataloader(dataloader, seed=runner.seed, diff_rank_seed=differ)
    else:
        loader = dataloader
    if not ResumableDataLoader.fits(loader):
        return loader
    seed = runner.seed - get_rank() if differ else runner.seed  # one for all ranks
    return ResumableDataLoader(loader, seed, labels_of(plain_model(runner)), **options)


def go_on(loader: DataLoader | ResumableDataLoader, state: dict[str, Any]) -> bool:
    """Draw the data in the order of the run that wrote a checkpoint.

    Args:
        loader: Of a training loop.
        state: The loop's, in the checkpoint.

    Returns:
        Whether the loader can do so; otherwise a warning has said that it cannot.
    """
    if isinstance(loader, ResumableDataLoader):
        if 'seed' in state:  # else its data could not be resumed
            loader.set_seeds(state)
        return True
    print_log(
        'The training data come from an iterable data set or a loader of its own kind, which '
        'cannot begin in the middle: they begin anew, and the result will not be that of an '
        'uninterrupted run.',
        logger='current',
        level=logging.WARNING,
    )
    return False
