"""A variable at the top of a config reaches all that depends on it."""

from __future__ import annotations

import pytest
from mmengine.config import Config

from mmsfa.config.top_level_options import merge_options
from mmsfa.errors import OptionError


def config() -> Config:
    loader = dict(dataset=dict(data_root='data/coco/', ann_file='a.json', num=3))
    return Config(
        dict(
            data_root='data/coco/',
            train_dataloader=loader,
            val_evaluator=[dict(ann_file='data/coco/annotations/a.json', metric=('bbox',))],
            model=dict(backbone=dict(type='ESpikeFormer', init_cfg=None)),
            pretrained=None,
        )
    )


def test_a_new_data_root_reaches_loaders_and_evaluators() -> None:
    cfg = config()
    merge_options(cfg, {'data_root': '/elsewhere'})
    assert cfg.train_dataloader.dataset == dict(data_root='/elsewhere', ann_file='a.json', num=3)
    assert cfg.val_evaluator[0].ann_file == '/elsewhere/annotations/a.json'
    assert cfg.val_evaluator[0].metric == ('bbox',)


def test_a_remote_data_root_stays_an_address() -> None:
    cfg = config()
    merge_options(cfg, {'data_root': 's3://bucket/coco/'})
    assert cfg.val_evaluator[0].ann_file == 's3://bucket/coco/annotations/a.json'


def test_a_data_root_that_nothing_uses_is_refused() -> None:
    cfg = config()
    cfg.data_root = 'mine/'  # as a child config does that changes the variable alone
    with pytest.raises(OptionError, match=r"moved nothing: .* data_root 'mine/'"):
        merge_options(cfg, {'data_root': '/elsewhere'})


def test_the_same_data_root_may_be_given() -> None:
    cfg = config()
    cfg.train_dataloader.dataset.data_root = cfg.data_root = 'data/coco'
    merge_options(cfg, {'data_root': 'data/coco/'})
    assert cfg.train_dataloader.dataset.data_root == 'data/coco'


def test_an_option_for_one_loader_stays_there() -> None:
    cfg = config()
    merge_options(cfg, {'train_dataloader.dataset.data_root': '/train'})
    assert cfg.train_dataloader.dataset.data_root == '/train'
    assert cfg.val_evaluator[0].ann_file == 'data/coco/annotations/a.json'


def test_pretrained_reaches_the_backbone() -> None:
    cfg = config()
    merge_options(cfg, {'pretrained': 'x.pth'})
    expected = dict(type='Pretrained', checkpoint='x.pth', prefix='backbone.')
    assert cfg.model.backbone.init_cfg == expected
    merge_options(cfg, {'pretrained': None})  # from scratch, as the backbone reads it
    assert cfg.model.backbone.init_cfg.checkpoint is None


@pytest.mark.parametrize(
    ('options', 'message'),
    [({'data_root': None}, 'data_root must be a folder'), ({'pretrained': 'x'}, 'a backbone')],
)
def test_values_that_cannot_be_used(options: dict, message: str) -> None:
    cfg = config()
    cfg.model.pop('backbone')
    with pytest.raises(OptionError, match=message):
        merge_options(cfg, options)


def test_a_value_and_settings_below_it_are_refused() -> None:
    options = {'quantization': 4, 'quantization.layers.neck': 2}
    with pytest.raises(OptionError, match='sets quantization=4 and quantization.layers.neck'):
        merge_options(Config(dict(model=dict())), options)
