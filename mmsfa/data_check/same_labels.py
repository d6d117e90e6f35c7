"""Whether the splits of a segmentation set read their label maps in the same way."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from mmengine.config import Config
from mmengine.registry import DATASETS

from mmsfa.config.check_datasets import datasets_of
from mmsfa.config.scopes import class_of

from .class_names import quoted
from .fault import Fault


def label_faults(cfg: Config, splits: tuple[str, ...]) -> Iterator[Fault]:
    """Compare ``reduce_zero_label`` and the classes of each data set with those of the training.

    Only data sets of one kind are compared: those of two kinds may differ on purpose.

    Args:
        cfg: The whole config.
        splits: ``'train'``, ``'val'``, ``'test'``.
    """
    first: dict[Any, tuple[str, bool, list]] = {}
    for key, settings in datasets_of(cfg, ('train', *(one for one in splits if one != 'train'))):
        with DATASETS.switch_scope_and_registry(cfg.get('default_scope')) as registry:
            kind: Any = class_of(settings, registry)
        option = inspect.signature(kind).parameters.get('reduce_zero_label') if kind else None
        if option is None and 'reduce_zero_label' not in settings:
            continue
        default = option.default if option is not None else False
        reduced = bool(settings.get('reduce_zero_label', default))
        classes = (settings.get('metainfo') or {}).get('classes') or ()
        classes = list(classes) if isinstance(classes, (list, tuple)) else [classes]
        other, was_reduced, theirs = first.setdefault(kind, (key, reduced, classes))
        if reduced != was_reduced:
            yield Fault(
                key,
                f'reduce_zero_label is {reduced}, but {was_reduced} in {other}: the same value of '
                'a label map is another class in each',
            )
        elif classes != theirs:
            yield Fault(
                key,
                f'its classes are {quoted(classes)}, those of {other} {quoted(theirs)}: the same '
                'label is another class in each',
            )
