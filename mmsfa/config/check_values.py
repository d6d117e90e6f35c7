"""Refuse values of a config that no machine and no schedule can follow."""

from __future__ import annotations

import logging
import os

from mmengine.config import Config
from mmengine.logging import print_log

from mmsfa.errors import OptionError

from .walk import walk

LARGEST = 10**8  # channels, classes, ...
MOST_LAYERS = 10**4  # each takes its memory by itself, so that no allocation would ever fail
_LAYERS = ('convs', 'outs', 'layers', 'stages', 'fcs', 'blocks', 'depth', 'depths')
# Upper bounds that may be "as many as there are".
_BOUNDS = ('max', 'nms', 'num_pre', 'seed', 'neg_pos_ub', 'ignore', 'num_samples')


def check_config(cfg: Config) -> None:
    """Look at the data loaders and at every whole number of the model.

    Args:
        cfg: The whole config.

    Raises:
        OptionError: There is no model, or a number is out of its range.
    """
    workers = max(64, 8 * (os.cpu_count() or 1))
    ranges = dict(batch_size=(1, 100_000), num_workers=(0, workers), prefetch_factor=(1, 1000))
    for split in ('train', 'val', 'test'):
        loader = cfg.get(f'{split}_dataloader')
        if not isinstance(loader, dict):
            continue
        for name, (least, most) in ranges.items():
            value = loader.get(name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise OptionError(
                    f'{split}_dataloader.{name} must be a whole number from {least} to {most}, got '
                    f'{value!r}.'
                )
    if not isinstance(cfg.get('model'), dict):
        raise OptionError(f'model must be a dict with a type, got {cfg.get("model")!r}.')
    for key, value in walk(cfg.model):
        if isinstance(value, bool) or not isinstance(value, int):
            continue
        name = next((part for part in reversed(key.split('.')) if not part.isdigit()), '')
        largest = MOST_LAYERS if name.endswith(_LAYERS) else LARGEST
        if abs(value) > largest and not name.startswith(_BOUNDS):
            raise OptionError(
                f'model.{key} is {value}, but no machine takes more than {largest} there. Is it '
                'mistyped?'
            )


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


def say_accumulation(cfg: Config) -> None:
    """Say once that accumulated steps make a schedule of iterations shorter.

    mmengine counts every iteration, also those that only add to the gradients.

    Args:
        cfg: The whole config.
    """
    wrapper, schedulers = cfg.get('optim_wrapper'), cfg.get('param_scheduler')
    every = wrapper.get('accumulative_counts', 1) if isinstance(wrapper, dict) else 1
    if not isinstance(every, int) or every < 2 or not isinstance(schedulers, (list, tuple)):
        return
    counted = []
    for index, one in enumerate(schedulers):
        if isinstance(one, dict) and not one.get('by_epoch', True):
            length = (one.get('end') or 0) - one.get('begin', 0)
            steps = f': {length} iterations are {length // every} steps' if length > 0 else ''
            counted.append(f'param_scheduler.{index} ({one.get("type")}{steps})')
    if counted:
        print_log(
            f'optim_wrapper.accumulative_counts={every}: the optimizer steps once in {every} '
            f'iterations, but schedules count iterations, so {" and ".join(counted)} '
            'follow fewer steps than without accumulation. Multiply begin and end by '
            f'{every} to keep the steps.',
            logger='current',
            level=logging.WARNING,
        )
