"""A data set that is not there is named before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from mmsfa.config.check_datasets import HOW_TO_GET, MissingDatasetError, check_datasets


def config(root: Path | str, **dataset) -> Config:
    dataset = dict(type='CocoDataset', data_root=str(root), **dataset)
    return Config(dict(train_dataloader=dict(dataset=dataset), val_dataloader=None))


def test_a_complete_data_set_passes(shapes_dir: Path, repo_dir: Path) -> None:
    for name in ('instance', 'semantic'):
        cfg = Config.fromfile(repo_dir / f'configs/_base_/datasets/shapes_{name}.py')
        for split in ('train', 'val', 'test'):
            cfg[f'{split}_dataloader'].dataset.data_root = str(shapes_dir)
        check_datasets(cfg, 'train', 'val', 'test')


@pytest.mark.parametrize(
    'missing',
    [dict(ann_file='none.json'), dict(data_prefix=dict(img='none')), dict(data_prefix='none')],
)
def test_each_missing_part_is_named(tmp_path: Path, missing: dict) -> None:
    with pytest.raises(MissingDatasetError) as error:
        check_datasets(config(tmp_path, **missing), 'train', 'val')
    assert str(tmp_path / 'none') in str(error.value)
    assert 'train_dataloader.dataset.data_root=FOLDER' in str(error.value)


def test_the_root_is_checked_and_shapes_can_be_drawn(tmp_path: Path) -> None:
    with pytest.raises(MissingDatasetError, match=r'make_shapes\.py'):
        check_datasets(config(tmp_path / 'shapes'), 'train')


def test_data_sets_inside_wrappers_are_checked(tmp_path: Path) -> None:
    inner = dict(type='CocoDataset', data_root=str(tmp_path / 'none'))
    for wrapper in (dict(dataset=inner), dict(datasets=[dict(dataset=inner)])):
        cfg = Config(dict(train_dataloader=dict(dataset=dict(type='Wrapper', **wrapper))))
        with pytest.raises(MissingDatasetError, match='none'):
            check_datasets(cfg, 'train')


def test_other_splits_and_remote_files_are_left_alone(tmp_path: Path) -> None:
    check_datasets(config(tmp_path / 'none'), 'val', 'test')
    check_datasets(config('s3://bucket/coco'), 'train')
    check_datasets(config('/remote', backend_args=dict(backend='petrel')), 'train')


def test_data_sets_that_download_themselves_may(tmp_path: Path) -> None:
    cfg = config(tmp_path / 'cifar10')
    cfg.default_scope = 'mmpretrain'
    cfg.train_dataloader.dataset.update(type='CIFAR10')
    check_datasets(cfg, 'train')
    cfg.train_dataloader.dataset.download = False
    with pytest.raises(MissingDatasetError):
        check_datasets(cfg, 'train')


@pytest.mark.slow
def test_every_shipped_config_says_how_to_get_its_data(repo_dir: Path) -> None:
    for path in (repo_dir / 'configs').glob('[!_]*/*.py'):
        folder = Path(Config.fromfile(path).data_root)
        assert any(part.lower() in HOW_TO_GET for part in folder.parts), path
