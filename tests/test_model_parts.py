"""One description of a model's parts, in the config and when it is built."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from mmsfa.apis.trained_model import build_model
from mmsfa.model_parts import (
    bare_model,
    class_head_of,
    get,
    heads_of,
    is_behind_proposals,
    members,
    parts_of,
)

HEADS = {
    'det/mask_rcnn_esf_demo.py': ['rpn_head', 'roi_head.bbox_head', 'roi_head.mask_head'],
    'det/retinanet_esf.py': ['bbox_head'],
    'seg/upernet_esf_demo.py': ['decode_head', 'auxiliary_head'],
    'cls/esf_tiny_flowers5.py': ['head'],
}
CASCADE = [f'roi_head.{head}.{i}' for head in ('bbox_head', 'mask_head') for i in range(3)]


@pytest.mark.slow
@pytest.mark.parametrize('name', HEADS)
def test_a_config_and_its_model_have_the_same_heads(repo_dir: Path, name: str) -> None:
    cfg = Config.fromfile(repo_dir / 'configs' / name)
    model = build_model(cfg)
    assert [path for path, _ in heads_of(cfg.model)] == HEADS[name]
    for path, head in heads_of(model):
        assert head is model.get_submodule(path)
        assert is_behind_proposals(path) == path.startswith('roi_head.')
    parts = parts_of(cfg.model)
    assert parts == parts_of(model)
    body = ['backbone', *(['neck'] if cfg.model.get('neck') else [])]
    assert parts == body + [path for path in HEADS[name] if path != 'auxiliary_head']
    stated, built = (get(class_head_of(one), 'num_classes') for one in (cfg.model, model))
    assert stated == built == {'det/retinanet_esf.py': 80, 'seg/upernet_esf_demo.py': 6,
                               'cls/esf_tiny_flowers5.py': 5}.get(name, 3)  # fmt: skip


def test_a_cascade_has_a_head_for_each_stage(repo_dir: Path) -> None:
    cfg = Config.fromfile(repo_dir / 'configs/det/cascade_mask_rcnn_esf.py')
    paths = [path for path, _ in heads_of(cfg.model)]
    assert paths[0] == 'rpn_head' and set(CASCADE[:3]) <= set(paths)
    regions = ['roi_head.bbox_head', 'roi_head.mask_head']
    assert parts_of(cfg.model) == ['backbone', 'neck', 'rpn_head', *regions]
    assert get(class_head_of(cfg.model), 'num_classes') == 80


def test_what_is_missing_is_none() -> None:
    assert class_head_of({}) is None and list(heads_of({})) == [] and members(None) == []
    assert class_head_of(dict(rpn_head=dict(num_classes=1))) is None


def test_losses_around_a_config_are_no_part_of_it() -> None:
    inner = dict(type='MaskRCNN', rpn_head=dict(num_classes=1), bbox_head=dict(num_classes=7))
    outer = dict(type='AuxiliaryLosses', of=dict(type='AuxiliaryLosses', of=inner, losses={}))
    assert bare_model(outer) is inner and bare_model(inner) is inner
    assert get(class_head_of(outer), 'num_classes') == 7
