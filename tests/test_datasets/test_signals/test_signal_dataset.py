"""A signal a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mmpretrain.registry import DATASETS

import mmsfa.datasets.signals  # noqa: F401  registers
from mmsfa.errors import OptionError, UserError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ('no/b.npy', 'yes/a.npy', 'yes/c.npy', 'flat/yes_1.npy', 'flat/no_1.npy'):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        np.save(path, np.zeros(4))
    (tmp_path / 'flat' / 'README.md').write_text('no signal')
    return tmp_path


def build(folder: Path, **settings):
    return DATASETS.build(dict(type='SignalDataset', data_root=str(folder), **settings))


def test_classes_from_the_names_of_files(folder: Path) -> None:
    dataset = build(folder, data_prefix='flat', classes=['yes', 'no'], label_pattern='^([^_]+)_')
    found = [(Path(info['img_path']).name, info['gt_label']) for info in map(
        dataset.get_data_info, range(len(dataset)))]  # fmt: skip
    assert found == [('no_1.npy', 1), ('yes_1.npy', 0)]


def test_lists_and_patterns_choose_the_files(folder: Path) -> None:
    (folder / 'some.txt').write_text('yes/a.npy\nno/b.npy\n')
    settings = dict(classes=['yes', 'no'], label_pattern='^([^/]+)/', file_pattern='^[ny]')
    names = []
    for more in ({}, dict(file_list='some.txt'), dict(exclude_lists=['some.txt'])):
        dataset = build(folder, **settings, **more)
        infos = map(dataset.get_data_info, range(len(dataset)))
        names.append([Path(info['img_path']).name for info in infos])
    assert names == [['b.npy', 'a.npy', 'c.npy'], ['b.npy', 'a.npy'], ['c.npy']]


def test_classes_from_a_list(folder: Path) -> None:
    (folder / 'list.txt').write_text('yes/a.npy 1\nno/b.npy 0\n')
    dataset = build(folder, ann_file='list.txt')
    assert [dataset.get_data_info(i)['gt_label'] for i in range(2)] == [1, 0]
    assert all(Path(dataset.get_data_info(i)['img_path']).is_file() for i in range(2))


def test_classes_from_folders(folder: Path) -> None:
    (folder / 'flat' / 'README.md').unlink()
    for path in (folder / 'flat').iterdir():
        path.unlink()
    (folder / 'flat').rmdir()
    dataset = build(folder)
    assert dataset.metainfo['classes'] == ('no', 'yes') and len(dataset) == 3


@pytest.mark.parametrize(('settings', 'kind', 'words'), [
    (dict(label_pattern='^.+_'), OptionError, 'one group'),
    (dict(file_pattern='a'), OptionError, 'need a label_pattern'),
    (dict(label_pattern='^(a)_', classes=['a'], file_list='none.txt'), UserError, 'none.txt'),
    (dict(label_pattern='^([^_]+)_'), OptionError, 'needs classes'),
    (dict(label_pattern='^([^_]+)_', classes=['yes']), UserError, 'no_1.npy: label_pattern='),
    (dict(label_pattern='^(a)_', classes=['a'], extensions=['.wav']), UserError, 'no signal'),
    (dict(label_pattern='^(a)_', classes=['a'], data_prefix='other'), UserError, 'does not exist'),
])  # fmt: skip
def test_what_does_not_fit_is_refused(folder: Path, settings: dict, kind, words: str) -> None:
    with pytest.raises(kind, match=words):
        build(folder, **{'data_prefix': 'flat', **settings})
