"""Which module gives the scores of the classes."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.registry import MODELS
from torch import nn

from mmsfa.compression.distillation import score_module_of
from tests.helpers.student_config import read

SCORES = {
    'seg/upernet_esf_demo.py': 'decode_head.conv_seg',
    'det/retinanet_esf.py': 'bbox_head.retina_cls',
    'cls/esf_tiny_flowers5.py': 'head',
    'cls/esf_tiny_flowers5_distill.py': 'head.fc_kd',
}


@pytest.mark.parametrize('name', SCORES)
def test_the_scores_are_found(repo_dir: Path, name: str) -> None:
    model = MODELS.build(read(repo_dir, name).model)
    assert score_module_of(model) == SCORES[name]


def test_a_teacher_of_two_heads_is_heard_whole(repo_dir: Path) -> None:
    model = MODELS.build(read(repo_dir, 'cls/esf_tiny_flowers5_distill.py').model)
    assert score_module_of(model, learns=False) == 'head'
    assert score_module_of(nn.Linear(2, 2)) == ''


def test_scores_of_regions_are_refused(repo_dir: Path) -> None:
    model = MODELS.build(read(repo_dir, 'det/mask_rcnn_esf_demo.py').model)
    with pytest.raises(ValueError, match=r'MaskRCNN scores regions.*rpn_head\.rpn_cls'):
        score_module_of(model)


def test_several_layers_that_could_be_meant_are_named() -> None:
    head = nn.Module()
    head.num_classes, head.one_cls, head.two_cls = 3, nn.Conv2d(4, 3, 1), nn.Conv2d(4, 6, 1)
    model = nn.Module()
    model.bbox_head = head
    with pytest.raises(ValueError, match='is not clear: .*bbox_head.one_cls, bbox_head.two_cls'):
        score_module_of(model)
    head.two_cls = nn.Conv2d(4, 5, 1)  # no multiple of the classes
    assert score_module_of(model) == 'bbox_head.one_cls'
    head.cls_reg = nn.Conv2d(4, 6, 1)  # a box, by its name
    assert score_module_of(model) == 'bbox_head.one_cls'
