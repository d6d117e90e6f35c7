"""The COCO and ADE20K pipelines run, on Shapes in their place."""

from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope

import mmsfa  # noqa: F401  (repairs torchvision before mmdet and mmseg need it)

CONFIGS = Path(__file__).parents[2] / 'configs/_base_/datasets'
THINGS = {'classes': ('circle', 'square', 'triangle')}


def build(scope, cfg, **changes):
    if scope == 'mmdet':
        from mmdet.registry import DATASETS
    else:
        from mmseg.registry import DATASETS
    with DefaultScope.overwrite_default_scope(scope):
        return DATASETS.build(cfg | changes)


def coco(name, shapes_dir):
    """Train and val data sets of a shipped COCO config, with Shapes inside."""
    cfg = Config.fromfile(CONFIGS / name)

    def split(loader, short, folder):
        return build(
            'mmdet',
            loader.dataset,
            data_root=str(shapes_dir),
            metainfo=THINGS,
            ann_file=f'annotations/instances_{short}.json',
            data_prefix={'img': f'images/{folder}'},
        )

    train = split(cfg.train_dataloader, 'train', 'training')
    return cfg, train, split(cfg.val_dataloader, 'val', 'validation')


@pytest.mark.parametrize(
    ('name', 'masks'), [('coco_instance.py', True), ('coco_detection.py', False)]
)
def test_coco_pipelines(shapes_dir, name, masks):
    cfg, train, val = coco(name, shapes_dir)
    for index in range(12):
        item = train[index % 6]
        truth, (height, width) = item['data_samples'].gt_instances, item['inputs'].shape[1:]
        assert 480 <= min(height, width) <= 800 and max(height, width) <= 1333
        assert ('masks' in truth) == masks
        if masks:
            assert truth.masks.masks.shape == (len(truth.labels), height, width)
    assert val[0]['inputs'].shape == (3, 800, 800)
    assert val[0]['data_samples'].scale_factor == (6.25, 6.25)
    assert cfg.val_evaluator.metric == (['bbox', 'segm'] if masks else 'bbox')
    assert cfg.test_dataloader == cfg.val_dataloader and cfg.test_evaluator == cfg.val_evaluator


def test_coco_training_does_not_shrink_pictures_first():
    cfg = Config.fromfile(CONFIGS / 'coco_instance.py')
    assert 'Resize' not in [step['type'] for step in cfg.train_pipeline]


def test_ade20k_pipelines(shapes_dir):
    cfg = Config.fromfile(CONFIGS / 'ade20k.py')
    changes = {'data_root': str(shapes_dir), 'img_suffix': '.png'}
    train = build('mmseg', cfg.train_dataloader.dataset, **changes)
    val = build('mmseg', cfg.val_dataloader.dataset, **changes)
    assert (len(train), len(val), len(train.metainfo['classes'])) == (8, 4, 150)
    for item in train:
        height, width = item['data_samples'].gt_sem_seg.shape
        assert item['inputs'].shape == (3, height, width)
        assert max(height, width) <= 512
    item = val[0]
    assert item['inputs'].shape == (3, 512, 512)
    truth = item['data_samples'].gt_sem_seg.data
    assert truth.shape == (1, 128, 128) and truth.max() < 6  # zero label reduced, size kept


@pytest.mark.parametrize(('scope', 'name', 'views'), [
    ('mmdet', 'coco_detection.py', 6),
    ('mmseg', 'ade20k.py', 12),
    ('mmseg', 'shapes_semantic.py', 6),
])  # fmt: skip
def test_time_augmentation(shapes_dir, scope, name, views):
    if scope == 'mmdet':
        cfg, _, val = coco(name, shapes_dir)
    else:
        cfg = Config.fromfile(CONFIGS / name)
        val = build(scope, cfg.val_dataloader.dataset, data_root=str(shapes_dir), img_suffix='.png')
    with DefaultScope.overwrite_default_scope(scope):
        item = Compose(cfg.tta_pipeline)(val.get_data_info(0))
    assert len(item['inputs']) == len(item['data_samples']) == views
    assert sum(sample.flip for sample in item['data_samples']) == views // 2
