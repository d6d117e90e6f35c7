"""The written Shapes data set: reproducible, consistent, whole or not at all, not trivial."""

import hashlib
import json
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

import mmsfa  # noqa: F401  (repairs torchvision before mmdet and mmseg need it)
from mmsfa.datasets import CLASSES, PALETTE, THINGS, write_shapes

ROOT = Path(__file__).parents[3]
CONFIGS = ROOT / 'configs/_base_/datasets'
NUM_TRAIN, NUM_VAL = 24, 12


def digests(folder):
    """Relative path -> sha256 of every file."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob('*'))
        if path.is_file()
    }


@pytest.fixture(scope='module')
def shapes(tmp_path_factory):
    folder = tmp_path_factory.mktemp('data') / 'shapes'
    assert write_shapes(folder, NUM_TRAIN, NUM_VAL, seed=0)
    return folder


def load_config(name, data_root):
    """A shipped config whose data lie in ``data_root``."""
    cfg = Config.fromfile(CONFIGS / name)
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.dataset.data_root = str(data_root)
    if 'ann_file' in cfg.val_evaluator:
        cfg.val_evaluator.ann_file = str(data_root / 'annotations/instances_val.json')
    return cfg


# --- writing


@pytest.mark.slow
def test_same_seed_same_bytes(shapes, tmp_path):
    write_shapes(tmp_path / 'again', NUM_TRAIN, NUM_VAL, seed=0)
    write_shapes(tmp_path / 'other', NUM_TRAIN, NUM_VAL, seed=1)
    first, again, other = (digests(p) for p in (shapes, tmp_path / 'again', tmp_path / 'other'))
    assert first == again
    pictures = [name for name in first if name.startswith('images/')]
    assert len(pictures) == NUM_TRAIN + NUM_VAL
    distinct = {digest[name] for digest in (first, other) for name in pictures}
    assert len(distinct) == 2 * len(pictures)


def test_a_picture_does_not_depend_on_the_number_of_pictures(shapes, tmp_path):
    write_shapes(tmp_path / 'few', 2, 3, seed=0)
    few, many = digests(tmp_path / 'few'), digests(shapes)
    assert all(many[name] == value for name, value in few.items() if name.endswith('.png'))


def test_second_write_is_a_no_op(shapes):
    before = {path: path.stat().st_mtime_ns for path in shapes.rglob('*')}
    assert not write_shapes(shapes, NUM_TRAIN, NUM_VAL, seed=0)
    assert not write_shapes(shapes, NUM_TRAIN, NUM_VAL, seed=0, overwrite=True)
    assert before == {path: path.stat().st_mtime_ns for path in shapes.rglob('*')}


def test_other_parameters_need_overwrite(tmp_path):
    out = tmp_path / 'shapes'
    write_shapes(out, 2, 1, seed=0)
    with pytest.raises(ValueError, match=r'seed=0 instead of 5.*--overwrite'):
        write_shapes(out, 2, 1, seed=5)
    assert write_shapes(out, 1, 1, seed=5, overwrite=True)
    assert len(list(out.rglob('*.png'))) == 4
    assert [path.name for path in tmp_path.iterdir()] == ['shapes']


@pytest.mark.parametrize('overwrite', [False, True])
@pytest.mark.parametrize('content', ['notes.txt', 'shapes.json'])
def test_foreign_folders_are_never_replaced(tmp_path, content, overwrite):
    (tmp_path / content).write_text('mine')
    with pytest.raises(ValueError, match='choose another folder'):
        write_shapes(tmp_path, 1, 1, overwrite=overwrite)
    assert (tmp_path / content).read_text() == 'mine'


def test_files_beside_the_data_set_are_never_removed(tmp_path):
    write_shapes(tmp_path / 'shapes', 1, 1)
    (tmp_path / 'shapes/notes.txt').write_text('mine')
    with pytest.raises(ValueError, match=r'also holds notes\.txt'):
        write_shapes(tmp_path / 'shapes', 2, 1, overwrite=True)


def test_interrupted_write_leaves_nothing_half_made(tmp_path):
    out = tmp_path / 'shapes'
    calls = []

    def interrupt():
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shapes(out, 4, 2, progress=interrupt)
    assert not list(tmp_path.iterdir())

    write_shapes(out, 1, 1)
    before = digests(out)
    calls.clear()
    with pytest.raises(KeyboardInterrupt):
        write_shapes(out, 4, 2, overwrite=True, progress=interrupt)
    assert digests(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ['shapes']


@pytest.mark.parametrize(('name', 'value'), [('num_train', 0), ('num_val', 1.5), ('seed', -1)])
def test_bad_numbers_are_refused(tmp_path, name, value):
    with pytest.raises(ValueError, match=f'{name} must be an integer of at least .*, got {value}'):
        write_shapes(tmp_path / 'shapes', **{name: value})


def test_command_line(tmp_path, monkeypatch, capsys):
    def run(*args):
        script = str(ROOT / 'tools/dataset_converters/make_shapes.py')
        options = [str(tmp_path / 'out'), '--num-train', '3', '--num-val', '2', *args]
        monkeypatch.setattr(sys, 'argv', [script, *options])
        runpy.run_path(script, run_name='__main__')
        return capsys.readouterr().out

    assert '3 training and 2 validation pictures' in run()
    assert 'there already' in run()
    with pytest.raises(SystemExit, match='2'):
        run('--seed', '1')
    assert '--overwrite' in capsys.readouterr().err
    assert '3 training and 2 validation pictures' in run('--seed', '1', '--overwrite')


# --- as COCO


@pytest.mark.parametrize(('split', 'folder', 'count'), [
    ('train', 'training', NUM_TRAIN),
    ('val', 'validation', NUM_VAL),
])  # fmt: skip
def test_coco_file_agrees_with_the_label_maps(shapes, split, folder, count):
    coco = COCO(shapes / f'annotations/instances_{split}.json')
    assert len(coco.imgs) == count
    assert [c['name'] for c in coco.loadCats([1, 2, 3])] == list(THINGS)
    assert set(coco.catToImgs) == {1, 2, 3}  # every class occurs
    for image_id, info in coco.imgs.items():
        label_map = cv2.imread(
            str(shapes / 'annotations' / folder / info['file_name']), cv2.IMREAD_UNCHANGED
        )
        painted = np.zeros_like(label_map)
        for ann in coco.loadAnns(coco.getAnnIds(image_id)):
            mask = coco.annToMask(ann).astype(bool)
            assert not painted[mask].any()
            painted[mask] = ann['category_id']
            assert ann['area'] == mask.sum()
            assert ann['bbox'] == coco_mask.toBbox(ann['segmentation']).tolist()
        assert (np.where(label_map <= len(THINGS), label_map, 0) == painted).all()


def test_label_maps_hold_every_class(shapes):
    maps = [cv2.imread(str(p), cv2.IMREAD_UNCHANGED) for p in shapes.glob('annotations/*/*.png')]
    assert set(np.unique(maps)) == set(range(1, 1 + len(CLASSES)))


def test_mmdet_loads_it_through_the_shipped_config(shapes):
    from mmdet.registry import DATASETS

    cfg = load_config('shapes_instance.py', shapes)
    with DefaultScope.overwrite_default_scope('mmdet'):
        train = DATASETS.build(cfg.train_dataloader.dataset)
        val = DATASETS.build(cfg.val_dataloader.dataset)
    assert (len(train), len(val)) == (NUM_TRAIN, NUM_VAL)
    assert tuple(train.metainfo['classes']) == THINGS
    assert [tuple(c) for c in train.metainfo['palette']] == list(PALETTE[: len(THINGS)])
    item = val[0]
    truth = item['data_samples'].gt_instances
    assert item['inputs'].shape == (3, 128, 128)
    label_map = cv2.imread(str(shapes / 'annotations/validation/000000.png'), cv2.IMREAD_UNCHANGED)
    for mask, label in zip(truth.masks.masks, truth.labels, strict=True):
        assert (label_map[mask.astype(bool)] == 1 + int(label)).all()


@pytest.mark.parametrize(('kind', 'most'), [('whole image', 0.001), ('centre, every class', 0.05)])
def test_a_constant_prediction_scores_nothing(tmp_path, kind, most):
    """Neither the obvious answer nor one that knows the usual size and place."""
    from mmdet.registry import METRICS

    num_val = 64
    write_shapes(tmp_path / 'shapes', 1, num_val)
    truth = COCO(tmp_path / 'shapes/annotations/instances_val.json')
    if kind == 'whole image':
        commonest = max(truth.catToImgs, key=lambda c: len(truth.getAnnIds(catIds=[c])))
        labels, boxes = [commonest - 1], [[0, 0, 128, 128]]
    else:
        labels, boxes = [0, 1, 2], [[40, 40, 88, 88]] * 3
    masks = torch.zeros(len(boxes), 128, 128, dtype=torch.bool)
    for mask, (left, top, right, bottom) in zip(masks, boxes, strict=True):
        mask[top:bottom, left:right] = True
    prediction = {
        'bboxes': torch.tensor(boxes, dtype=torch.float32),
        'labels': torch.tensor(labels),
        'scores': torch.ones(len(labels)),
        'masks': masks,
    }
    with DefaultScope.overwrite_default_scope('mmdet'):
        metric = METRICS.build(load_config('shapes_instance.py', tmp_path / 'shapes').val_evaluator)
    metric.dataset_meta = {'classes': THINGS}
    for image_id in truth.imgs:
        sample = {'img_id': image_id, 'ori_shape': (128, 128), 'pred_instances': prediction}
        metric.process({}, [sample])
    scores = metric.evaluate(num_val)
    assert scores['coco/segm_mAP_50'] <= most and scores['coco/bbox_mAP_50'] <= most


# --- as ADE20K


def test_mmseg_loads_it_through_the_shipped_config(shapes):
    from mmseg.registry import DATASETS

    cfg = load_config('shapes_semantic.py', shapes)
    with DefaultScope.overwrite_default_scope('mmseg'):
        train = DATASETS.build(cfg.train_dataloader.dataset)
        val = DATASETS.build(cfg.val_dataloader.dataset)
    assert (len(train), len(val)) == (NUM_TRAIN, NUM_VAL)
    assert tuple(train.metainfo['classes']) == CLASSES
    assert [tuple(c) for c in train.metainfo['palette']] == list(PALETTE)
    found = set()
    for item in val:
        assert item['inputs'].shape == (3, 128, 128)
        found |= set(item['data_samples'].gt_sem_seg.data.unique().tolist())
    assert found == set(range(len(CLASSES)))


def test_parameters_are_recorded(shapes):
    recorded = json.loads((shapes / 'shapes.json').read_text())
    assert recorded['seed'] == 0 and recorded['classes'] == list(CLASSES)
