"""Whether all splits of an ImageNet-like set number the same class folders in the same way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from mmengine.config import Config
from mmengine.registry import DATASETS

from mmsfa.config.check_datasets import datasets_of
from mmsfa.config.scopes import class_of

from .class_names import nearest, quoted
from .fault import Fault


def folder_faults(cfg: Config, splits: tuple[str, ...]) -> Iterator[Fault]:
    """Compare the class folders with the classes, and those of each split with the first's.

    mmpretrain numbers the folders of each split by themselves, in the order of the alphabet.

    Args:
        cfg: The whole config.
        splits: ``'train'``, ``'val'``, ``'test'``.
    """
    first: tuple[str, list[str]] | None = None
    # The labels of validation and test are those of the training, also when only they are run.
    for key, settings in datasets_of(cfg, ('train', *(one for one in splits if one != 'train'))):
        folder = _class_folder(cfg, settings)
        if folder is None or not os.path.isdir(folder):
            continue
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
        if first is None:
            first = folder, names
        elif names != first[1]:
            yield Fault(folder, _difference(names, *first))
        classes = settings.get('classes') or (settings.get('metainfo') or {}).get('classes')
        is_checked = key.partition('_')[0] in splits
        if not is_checked or not isinstance(classes, (list, tuple)):
            continue
        if list(classes) != names and set(classes) == set(names):
            yield Fault(
                folder,
                'its folders are numbered in the order of the alphabet, so the classes have each '
                f"other's names: write classes={names!r} ({key})",
            )


def _class_folder(cfg: Config, settings: dict) -> str | None:
    """The folder whose folders are the classes; None for data sets that are not read so."""
    with DATASETS.switch_scope_and_registry(cfg.get('default_scope')) as registry:
        kind: Any = class_of(settings, registry)
    if getattr(kind, '__name__', '') != 'CustomDataset' or settings.get('ann_file'):
        return None
    root, prefix = settings.get('data_root') or '', settings.get('data_prefix') or ''
    if isinstance(prefix, dict):
        prefix = prefix.get('img_path') or ''
    folder = os.path.join(root, prefix)
    is_remote = '://' in folder or settings.get('backend_args')
    return None if is_remote or not settings.get('with_label', True) else folder


def _difference(names: list[str], other: str, others: list[str]) -> str:
    lacking, more = sorted(set(others) - set(names)), sorted(set(names) - set(others))
    hints = {name: hint for name in lacking if (hint := nearest(name, more)) is not None}
    near = ''.join(f'; {name!r} is nearest to its {hint!r}' for name, hint in hints.items())
    return (
        f'its class folders are not those of {other}, so the same label is another class in each: '
        f'lacks {quoted(lacking)}, has {quoted(more)} besides{near}'
    )
