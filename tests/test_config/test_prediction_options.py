"""Predictions are drawn, written and augmented as each library wants it."""

from __future__ import annotations

import pytest

from mmsfa.config import prediction_options as options
from mmsfa.errors import OptionError
from tests.helpers.scope_config import config


def test_output_follows_the_kind_of_path() -> None:
    for scope, dump in (('mmdet', 'DumpDetResults'), ('mmpretrain', 'DumpResults')):
        cfg = config(scope)
        options.enable_output(cfg, 'x.pkl')
        assert cfg.test_evaluator[-1] == dict(type=dump, out_file_path='x.pkl')
        with pytest.raises(OptionError, match=r'\.pkl'):
            options.enable_output(config(scope), 'folder')
    cfg = config('mmseg')
    options.enable_output(cfg, 'folder')
    assert cfg.test_evaluator[0].output_dir == 'folder'
    options.enable_drawing(cfg, show=False, show_dir='pictures', wait_time=2)
    assert cfg.custom_hooks == [dict(type='OutputsApartHook')]  # of equal names none is lost


def test_pictures_go_where_each_library_looks() -> None:
    for scope, where, key in (
        ('mmdet', 'hook', 'test_out_dir'),
        ('mmseg', 'visualizer', 'save_dir'),
        ('mmpretrain', 'hook', 'out_dir'),
    ):
        cfg = config(scope)
        options.enable_drawing(cfg, show=False, show_dir='pictures', wait_time=2)
        hook = cfg.default_hooks.visualization
        assert (hook if where == 'hook' else cfg.visualizer)[key] == 'pictures'
        assert hook.get('draw') or hook.get('enable')
        assert cfg.custom_hooks[-1].type == 'OutputsApartHook'
    with pytest.raises(OptionError, match='visualization'):
        options.enable_drawing(config('mmdet', default_hooks={}), True, None, 2)


def test_tta_takes_the_config_before_the_default() -> None:
    cfg = config('mmseg', tta_model=dict(type='Mine'), tta_pipeline=[dict(type='Load')])
    options.enable_tta(cfg)
    assert cfg.model.type == 'Mine' and cfg.model.module.type == 'Model'
    assert cfg.test_dataloader.dataset.pipeline == [dict(type='Load')]

    cfg = config('mmseg')
    options.enable_tta(cfg)
    assert cfg.model.type == 'SegTTAModel'
    load, views = cfg.test_dataloader.dataset.pipeline
    assert load.type == 'LoadImageFromFile' and views.type == 'TestTimeAug'
    flips, (pack,) = views.transforms
    # The view that is not flipped comes first: its labels are those that count.
    assert [flip.prob for flip in flips] == [0.0, 1.0]
    assert pack.type == 'Pack' and {'flip', 'flip_direction'} <= set(pack.meta_keys)


def test_tta_of_a_mask_detector_measures_boxes() -> None:
    roi_head = dict(mask_head=dict(type='Mask'), mask_roi_extractor=dict(type='RoI'))
    cfg = config(
        'mmdet',
        model=dict(type='MaskRCNN', roi_head=roi_head),
        test_evaluator=dict(type='CocoMetric', metric=['bbox', 'segm']),
    )
    options.enable_tta(cfg)
    assert cfg.test_evaluator.metric == ['bbox']
    assert cfg.model.module.roi_head.mask_head is None


def test_mmpretrain_cannot_draw_under_tta() -> None:
    cfg = config('mmpretrain')
    options.enable_drawing(cfg, show=False, show_dir='pictures', wait_time=2)
    with pytest.raises(OptionError, match='leave out either --tta'):
        options.enable_tta(cfg)
