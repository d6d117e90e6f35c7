"""Classes that no annotation of a data set has: nothing can learn or measure them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .files_of_dataset import infos_of, leaves

SPLITS = dict(train='training', val='validation', test='test')


def sentence_on_labels(split: str, dataset: Any) -> str | None:
    """Say which classes no box and no picture of a data set has.

    Args:
        split: ``'train'``, ``'val'`` or ``'test'``.
        dataset: As for `classes_without_labels`.
    """
    names, number = classes_without_labels(dataset)
    if not names:
        return None
    effect = 'nothing can learn them' if split == 'train' else 'no metric measures them'
    return (
        f'The {SPLITS[split]} set has no annotation of {len(names)} of {number} classes '
        f'({name_some(names)}), so {effect}.'
    )


def classes_without_labels(dataset: Any) -> tuple[list[str], int]:
    """Find the classes that have no box or picture; no file is read.

    Samples are asked in a mixed order until each class was seen, so that a set which has all of
    them costs little.

    Args:
        dataset: Of mmdet or mmpretrain, in any wrappers.

    Returns:
        Their names, and the number of all classes; nothing and 0 where the samples do not tell
        their classes before they are loaded, as those with label maps.
    """
    names: Sequence[str] = ()
    missing: set[int] | None = None
    for leaf, indices in leaves(dataset):
        if hasattr(leaf, 'full_init'):
            leaf.full_init()
        own = (getattr(leaf, 'metainfo', None) or {}).get('classes') or ()
        if missing is None:
            names, missing = own, set(range(len(own)))
        if isinstance(own, str) or tuple(own) != tuple(names):
            return [], 0
        places = np.asarray(range(len(leaf)) if indices is None else list(indices), int)
        for info in infos_of(leaf, np.random.default_rng(0).permutation(places)):
            if (labels := _labels_in(info)) is None:
                return [], 0
            missing -= labels
            if not missing:
                return [], len(names)
    return [str(names[number]) for number in sorted(missing or ())], len(names)


def _labels_in(info: dict[str, Any]) -> set[int] | None:
    """The classes of one sample; None if it does not tell them."""
    if isinstance(instances := info.get('instances'), (list, tuple)):
        return {
            one['bbox_label']
            for one in instances
            if isinstance(one, dict) and 'bbox_label' in one and not one.get('ignore_flag')
        }
    if 'gt_label' not in info:
        return None
    try:
        return set(np.atleast_1d(np.asarray(info['gt_label'], int)).tolist())
    except (TypeError, ValueError):  # names, or several tasks
        return None


def name_some(names: Sequence[str], limit: int = 10) -> str:
    """The first names of a list, and how many more there are."""
    more = f' and {len(names) - limit:,} more' if len(names) > limit else ''
    return ', '.join(names[:limit]) + more
