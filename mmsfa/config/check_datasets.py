"""Stop early, with one clear sentence, when a data set is not where the config says."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import DATASETS

from mmsfa.errors import UserError

from .scopes import class_of

# Folder in the path -> how to get that data set.
HOW_TO_GET = {
    'shapes': 'python tools/dataset_converters/make_shapes.py, or mmsfa shapes',
    'coco': 'download train2017, val2017 and annotations from https://cocodataset.org',
    'nuclei_dsb2018': 'see "Data sets" in docs/datasets.md',
    'dubai_aerial': 'see "Data sets" in docs/datasets.md',
    'flowers5': 'see "Data sets" in docs/datasets.md',
    'nmnist_small': 'see "Data sets" in docs/datasets.md',
    'fsdd': 'see docs/signals.md',
    'eeg_eye_state': 'see docs/signals.md',
    'eegmmidb': 'see docs/signals.md',
    'speech_commands_v0.02': 'see docs/signals.md',
    'imagenet': 'download ILSVRC2012 from https://image-net.org',
    'hardvs': 'see docs/events.md',
    'dvsgesture': 'see docs/events.md',
    'cifar10_dvs': 'see docs/events.md',
    'cifar10': 'mmpretrain downloads it by itself',
    'cifar100': 'mmpretrain downloads it by itself',
    'adechallengedata2016': 'download ADEChallengeData2016 from http://sceneparsing.csail.mit.edu',
}


class MissingDatasetError(UserError, FileNotFoundError):
    """A file or folder that the config names does not exist."""


def datasets_of(cfg: Config, splits: tuple[str, ...]) -> Iterator[tuple[str, dict]]:
    """(config key, settings) of each data set, also those inside wrappers."""
    for split in splits:
        loader = cfg.get(f'{split}_dataloader') or {}
        todo = [(f'{split}_dataloader.dataset', loader['dataset'])] if loader.get('dataset') else []
        while todo:
            key, dataset = todo.pop()
            if 'dataset' in dataset:
                todo.append((f'{key}.dataset', dataset['dataset']))
            elif 'datasets' in dataset:
                todo += [(f'{key}.datasets.{i}', one) for i, one in enumerate(dataset['datasets'])]
            else:
                yield key, dataset


def _paths(dataset: dict) -> Iterator[Path]:
    """Every local file and folder that one data set names, joined as `BaseDataset` joins them."""
    root = dataset.get('data_root') or ''
    prefixes = dataset.get('data_prefix') or {}
    prefixes = list(prefixes.values()) if isinstance(prefixes, dict) else [prefixes]
    names = [name for name in ('', dataset.get('ann_file'), *prefixes) if isinstance(name, str)]
    for name in names:
        if (root or name) and '://' not in root + name and not dataset.get('backend_args'):
            yield Path(root, name).expanduser()


def _downloads_itself(dataset: dict, scope: str | None) -> bool:
    """Whether a data set, such as mmpretrain's CIFAR10, fetches what is missing."""
    with DATASETS.switch_scope_and_registry(scope) as registry:
        kind = class_of(dataset, registry)
    option = inspect.signature(kind).parameters.get('download') if kind else None
    return option is not None and dataset.get('download', option.default) is True


def check_datasets(cfg: Config, *splits: str) -> None:
    """Stop when an annotation file or image folder that the config names does not exist.

    Args:
        cfg: The whole config.
        *splits: ``'train'``, ``'val'``, ``'test'``; those whose data loader is unset are skipped.

    Raises:
        MissingDatasetError: Names the path, the option that changes it and how to get the data.
    """
    for key, dataset in datasets_of(cfg, splits):
        if _downloads_itself(dataset, cfg.get('default_scope')):
            continue
        missing = next((path for path in _paths(dataset) if not path.exists()), None)
        if missing:
            raise MissingDatasetError(_sentence(cfg, key, missing, dataset.get('data_root')))


def _sentence(cfg: Config, key: str, missing: Path, root: str | None) -> str:
    option = 'data_root' if cfg.get('data_root') else f'{key}.data_root'
    how = [HOW_TO_GET[part.lower()] for part in missing.parts if part.lower() in HOW_TO_GET]
    get_it = f' To get it: {how[-1]}.' if how else ''
    return (
        f'The data set is missing: {key} names {missing}, which does not exist.{get_it} If your '
        f'data lies elsewhere, add --cfg-options {option}=FOLDER (now {root!r}).'
    )
