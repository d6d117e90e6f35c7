"""One description of where configs state channels and strides."""

from __future__ import annotations

import pytest
from mmdet.models.dense_heads import SOLOV2Head, YOLOXHead
from mmdet.registry import MODELS

from mmsfa.config.stated_maps import channels_read, read_by, readers_of, strides_stated
from mmsfa.layers import SpikeDriven


def strides_of(**model: object) -> dict[str, list[float]]:
    return {path: strides for path, strides, _ in strides_stated(model, MODELS)}


@pytest.mark.parametrize(
    ('model', 'path'),
    [
        (dict(bbox_head=dict(type='FCOSHead', strides=[8, 16])), 'bbox_head.strides'),
        (
            dict(bbox_head=dict(type='RepPointsHead', point_strides=[8, 16])),
            'bbox_head.point_strides',
        ),
        (dict(mask_head=dict(type='SOLOHead', strides=[8, 16])), 'mask_head.strides'),
        (dict(panoptic_head=dict(strides=[8, 16])), 'panoptic_head.strides'),
        (
            dict(rpn_head=dict(stages=[dict(anchor_generator=dict(strides=[8, 16]))])),
            'rpn_head.stages.0.anchor_generator.strides',
        ),
        (
            dict(decode_head=[dict(type='X'), dict(type='X', feature_strides=[(8, 8), (16, 16)])]),
            'decode_head.1.feature_strides',
        ),
        (
            dict(roi_head=dict(bbox_roi_extractor=[dict(featmap_strides=[8, 16])] * 3)),
            'roi_head.bbox_roi_extractor.0.featmap_strides',
        ),
    ],
)
def test_strides_are_found_wherever_they_stand(model: dict, path: str) -> None:
    assert strides_of(**model)[path] == [8, 16]


def test_what_reads_another_map_is_left_out() -> None:
    assert not strides_of(roi_head=dict(semantic_roi_extractor=dict(featmap_strides=[8])))
    assert not strides_of(backbone=dict(strides=(1, 2)), neck=dict(level_strides=(2, 2)))


def test_a_head_may_have_strides_by_default() -> None:
    class Spiking(SpikeDriven, YOLOXHead):
        pass

    for kind in ('YOLOXHead', YOLOXHead, Spiking):
        assert strides_of(bbox_head=dict(type=kind))['bbox_head.strides'] == [8, 16, 32]
    retina = strides_of(bbox_head=dict(type='RetinaHead'))
    assert retina['bbox_head.anchor_generator.strides'] == [8, 16, 32, 64, 128]
    # what a class above has by default is not what this one uses
    assert not strides_of(panoptic_head=dict(type='MaskFormerHead'))
    reppoints = strides_of(bbox_head=dict(type='RepPointsHead', point_strides=[1, 2]))
    assert list(reppoints) == ['bbox_head.point_strides']


def test_solo_resizes_its_first_and_last_map() -> None:
    assert read_by(SOLOV2Head, [4, 8, 16, 32, 64]) == [8, 8, 16, 32, 32]
    assert read_by(YOLOXHead, [8, 16, 32]) == read_by(None, [8, 16, 32]) == [8, 16, 32]


def test_channels_with_their_maps() -> None:
    def read(**part: object) -> list:
        return list(channels_read(part))

    assert read(in_channels=5) == [('in_channels', [-1], [5])]
    assert read(in_channels=[5, 6]) == [('in_channels', [0, 1], [5, 6])]
    assert read(in_channels=5, in_index=2) == [('in_channels', [2], [5])]
    details = read(in_channels=5, in_index=3, c1_in_channels=2)
    assert details[1] == ('c1_in_channels', [0], [2])
    assert len(read(in_channels=5, c1_in_channels=0)) == 1 and not read(type='X')


def test_readers_of_maps() -> None:
    kernel = dict(in_channels=5)
    model = dict(
        decode_head=dict(type='IterativeDecodeHead', kernel_generate_head=kernel),
        auxiliary_head=[dict(type='X'), dict(type='Y')],
        panoptic_head=dict(type='Z'),
        roi_head=dict(bbox_head=dict(type='W')),
    )
    assert [path for path, _ in readers_of(model)] == [
        'decode_head',
        'decode_head.kernel_generate_head',
        'panoptic_head',
        'auxiliary_head.0',
        'auxiliary_head.1',
    ]
