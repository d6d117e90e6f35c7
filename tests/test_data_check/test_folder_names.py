"""The class folders of all splits."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from mmsfa.data_check.folder_names import folder_faults


def config(root: Path, train: str, val: str, **options: object) -> Config:
    """Class folders of two splits; names apart by blanks."""
    loaders = {}
    for split, names in (('train', train), ('val', val)):
        for name in names.split():
            (root / split / name).mkdir(parents=True)
        dataset = dict(type='CustomDataset', data_root=str(root), data_prefix=split, **options)
        loaders[f'{split}_dataloader'] = dict(dataset=dataset)
    return Config(dict(default_scope='mmpretrain', **loaders))


@pytest.mark.parametrize('splits', [('train', 'val'), ('val',)])
def test_a_split_with_other_folders(tmp_path: Path, splits: tuple) -> None:
    ((path, what),) = folder_faults(config(tmp_path, 'cat dog', 'Cats dog'), splits)
    assert path == str(tmp_path / 'val') and f'not those of {tmp_path / "train"}' in what
    assert "lacks 'cat', has 'Cats' besides; 'cat' is nearest to its 'Cats'" in what


def test_folders_that_fit(tmp_path: Path) -> None:
    assert not list(folder_faults(config(tmp_path, 'a b', 'a b'), ('train', 'val')))
    cfg = config(tmp_path / 'names', 'n01 n02', 'n01 n02', classes=['tench', 'goldfish'])
    assert not list(folder_faults(cfg, ('train', 'val')))  # names for people
    cfg = config(tmp_path / 'list', 'a', 'b', ann_file='list.txt')
    assert not list(folder_faults(cfg, ('train', 'val')))
    cfg = config(tmp_path / 'no labels', 'a', 'b', with_label=False)
    assert not list(folder_faults(cfg, ('train', 'val')))


def test_classes_in_another_order(tmp_path: Path) -> None:
    cfg = config(tmp_path, 'cat dog', 'cat dog', metainfo=dict(classes=['dog', 'cat']))
    faults = list(folder_faults(cfg, ('train',)))
    assert len(faults) == 1 and "write classes=['cat', 'dog']" in faults[0].what
