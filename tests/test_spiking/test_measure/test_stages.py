"""Which part and stage of a model a module belongs to."""

from __future__ import annotations

import pytest

from mmsfa.spiking import stage_of
from mmsfa.spiking.measure.stages import by_stage, in_model_order


@pytest.mark.parametrize(
    ('name', 'stage'),
    [
        ('backbone.stages.0.0.conv1.activate', 'backbone.stages.0'),
        ('backbone.downsample_layers.4.activate', 'backbone.stages.4'),
        ('stages.3.1.mlp.activate', 'stages.3'),
        ('downsample_layers.2.activate', 'stages.2'),
        ('neck.lateral_convs.0.activate', 'neck'),
        ('rpn_head.rpn_conv.activate', 'rpn_head'),
        ('roi_head.bbox_head.shared_fcs.0.activate', 'roi_head.bbox_head'),
        ('roi_head.bbox_head.2.shared_fcs.0.activate', 'roi_head.bbox_head.2'),
        ('roi_head.mask_head.convs.3.activate', 'roi_head.mask_head'),
        ('decode_head.psp_modules.0.1.activate', 'decode_head'),
        ('auxiliary_head.convs.0.activate', 'auxiliary_head'),
        ('head.activate', 'head'),
        ('0', '0'),
        ('', 'model'),
    ],
)
def test_stage_of(name: str, stage: str) -> None:
    assert stage_of(name) == stage


def test_stages_come_in_the_order_of_the_network() -> None:
    stages = ['mean', 'b.stages.1', 'b.stages.10', 'b.stages.2', 'b.stages.0', 'neck']
    assert in_model_order(stages) == [
        'mean', 'b.stages.0', 'b.stages.1', 'b.stages.2', 'b.stages.10', 'neck',
    ]  # fmt: skip


def test_figures_of_layers_add_up_to_those_of_stages() -> None:
    layers = {
        'backbone.stages.1.0.conv': 1.0,
        'neck.convs.0': 5.0,
        'backbone.downsample_layers.0.conv': 2.0,
        'backbone.downsample_layers.1.conv': 4.0,
        'neck.convs.1': 0.5,
    }
    found = by_stage(layers)
    assert found == {'backbone.stages.0': 2, 'backbone.stages.1': 5, 'neck': 5.5}
    assert list(found) == ['backbone.stages.0', 'backbone.stages.1', 'neck']
