"""Classes that no label map of a data set shows, said before the first batch."""

from __future__ import annotations

from typing import Any

from .files_of_dataset import leaves
from .label_map_file import LabelMapRules, check_label_map
from .label_maps import SAMPLE, label_maps_of
from .missing_classes import SPLITS, name_some


def absent_classes(split: str, dataset: Any, limit: int = SAMPLE) -> str | None:
    """Decode label maps until each class was seen.

    In a set of more label maps than ``limit`` a rare class may well be in another one. There only
    those that show no two classes are worth a word: masks of 0 and 255, or all unlabeled.

    Args:
        split: ``'train'``, ``'val'`` or ``'test'``.
        dataset: Of mmseg, in any wrappers; for others there is nothing to say.
        limit: So many of each data set at most, evenly spread.
    """
    names: tuple[str, ...] = ()
    seen: set[int] = set()
    looked, whole = 0, True
    for leaf, indices in leaves(dataset):
        own = tuple(map(str, (getattr(leaf, 'metainfo', None) or {}).get('classes') or ()))
        names = names or own
        if own != names:
            return None
        rules = LabelMapRules(
            len(names),
            bool(getattr(leaf, 'reduce_zero_label', False)),
            getattr(leaf, 'label_map', None) or {},
            (255, getattr(leaf, 'ignore_index', 255)),
        )
        whole &= len(leaf if indices is None else list(indices)) <= limit
        for path, _ in label_maps_of(leaf, limit):
            if len(seen) == len(names) or (len(seen) > 1 and not whole):
                return None
            try:
                seen |= {label for label in check_label_map(path, rules)[1] if label < len(names)}
            except (OSError, SyntaxError, ValueError):
                continue  # a damaged file has a fault of its own
            looked += 1
    if not looked or len(names) < 2 or len(seen) == len(names) or (len(seen) > 1 and not whole):
        return None
    absent = [name for number, name in enumerate(names) if number not in seen]
    effect = 'nothing can learn them' if split == 'train' else 'no metric measures them'
    hint = '' if len(seen) > 1 else ' (255 is ignored: masks of 0 and 255 need 1 instead)'
    return (
        f'None of the {looked} label maps of the {SPLITS[split]} set that were looked at shows '
        f'{len(absent)} of {len(names)} classes ({name_some(absent)}), so {effect}{hint}.'
    )
