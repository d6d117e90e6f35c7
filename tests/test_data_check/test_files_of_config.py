"""The files that a config's data sets consist of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mmengine.config import Config

from mmsfa.data_check.file_task import Task
from mmsfa.data_check.files_of_config import _reads_label_maps, collect, num_classes_of
from mmsfa.data_check.label_map_file import LabelMapRules


@pytest.fixture
def shapes(repo_dir: Path, shapes_dir: Path):
    """A function: config -> its training set is the tiny one."""

    def read(name: str) -> Config:
        cfg = Config.fromfile(repo_dir / 'configs' / name)
        cfg.train_dataloader.dataset.data_root = str(shapes_dir)
        return cfg

    return read


def test_pictures_of_a_detector_have_the_size_that_is_annotated(shapes, shapes_dir: Path) -> None:
    tasks, faults = collect(shapes('det/mask_rcnn_esf_demo.py'), 'train', deep=False)
    pictures = sorted((shapes_dir / 'images/training').iterdir())
    assert not faults
    assert sorted(tasks) == [Task(str(path), False, size=(128, 128)) for path in pictures]


def test_classes_without_a_box_are_said(
    shapes, shapes_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    cfg = shapes('det/mask_rcnn_esf_demo.py')
    content = json.loads((shapes_dir / 'annotations/instances_train.json').read_text())
    for one in content['annotations']:
        one['iscrowd'] = int(one['category_id'] == 3)
    (tmp_path / 'crowds.json').write_text(json.dumps(content))
    dataset = cfg.train_dataloader.dataset
    crowds = dict(dataset, ann_file=str(tmp_path / 'crowds.json'))
    cfg.train_dataloader.dataset = crowds
    assert not collect(cfg, 'train', deep=False)[1]
    assert 'training set has no annotation of 1 of 3 classes (triangle)' in capsys.readouterr().out
    cfg.train_dataloader.dataset = dict(type='ConcatDataset', datasets=[crowds, dataset])
    assert not collect(cfg, 'train', deep=False)[1]
    assert 'no annotation' not in capsys.readouterr().out  # the other one has triangles


def test_a_split_without_loader_has_no_files_and_no_faults() -> None:
    assert collect(Config(dict(test_dataloader=None)), 'test') == ([], [])


def test_label_maps_of_a_segmentor_have_its_rules(shapes, shapes_dir: Path) -> None:
    tasks, faults = collect(shapes('seg/upernet_esf_demo.py'), 'train')
    assert not faults
    rules = LabelMapRules(6, reduce_zero_label=True, ignore=(255, 255, 255, 255))
    maps = [task for task in tasks if task.rules]
    assert len(tasks) == 16 and len(maps) == 8
    for path, _, found, picture, *_ in maps:
        assert set(found.ignore) == {255} and found.backend == 'pillow'
        assert len(found.classes) == len(found.palette) == found.num_classes == 6
        assert found.reduce_zero_label and not found.label_map
        assert (found.wrong_values() == rules.wrong_values()).all()
        assert Path(picture).stem == Path(path).stem and Path(picture) != Path(path)


@pytest.fixture
def classes(tmp_path: Path) -> Config:
    """A list with a label too large; its third picture stands there twice."""
    (tmp_path / 'list.txt').write_text('a.jpg 0\nb.jpg 5\nc.jpg 1\nc.jpg 1')
    dataset = dict(type='CustomDataset', data_root=str(tmp_path), ann_file='list.txt', pipeline=[])
    head = dict(type='LinearClsHead', num_classes=2)
    return Config(
        dict(
            default_scope='mmpretrain',
            model=dict(type='ImageClassifier', head=head),
            train_dataloader=dict(dataset=dataset),
        )
    )


def test_the_list_is_at_fault_once_and_each_file_is_there_once(
    classes: Config, tmp_path: Path
) -> None:
    tasks, faults = collect(classes, 'train')
    assert tasks == [Task(str(tmp_path / f'{name}.jpg')) for name in 'abc']
    assert faults == [(str(tmp_path / 'list.txt'), 'line 2: label 5 of b.jpg is not in 0..1')]


def test_a_class_that_stumbles_is_a_fault(classes: Config, tmp_path: Path) -> None:
    classes.train_dataloader.dataset.update(type='BaseDataset', ann_file='none.txt')
    tasks, ((path, what),) = collect(classes, 'train')
    assert not tasks and path == str(tmp_path / 'none.txt')
    assert what.startswith('the data set cannot be built (')


def test_number_of_classes(shapes, classes: Config) -> None:
    assert num_classes_of(classes) == 2
    assert num_classes_of(shapes('det/mask_rcnn_esf_demo.py')) == 3
    assert num_classes_of(Config(dict(model=dict(type='SpikeMAE')))) is None
    assert num_classes_of(Config()) is None


@pytest.mark.parametrize(
    ('step', 'in_seg', 'elsewhere'),
    [
        (dict(type='LoadAnnotations'), True, False),
        (dict(type='LoadAnnotations', with_seg=True), True, True),
        (dict(type='LoadAnnotations', with_seg=False), False, False),
        (dict(type='LoadPanopticAnnotations'), True, True),
        (dict(type='LoadImageFromFile'), False, False),
    ],
)
def test_who_reads_label_maps(step: dict, in_seg: bool, elsewhere: bool) -> None:
    for pipeline in ([dict(type='Resize'), step], [dict(type='Wrapper', transforms=[step])]):
        assert _reads_label_maps(pipeline, is_seg=True) == in_seg
        assert _reads_label_maps(pipeline, is_seg=False) == elsewhere
