"""Necks and heads are run with shapes alone."""

from __future__ import annotations

from mmdet.registry import MODELS

from mmsfa.config.shape_run import maps_of, run_shapes

FPN = dict(type='FPN', in_channels=[8, 16], out_channels=4, num_outs=4)


def test_what_a_neck_makes_of_maps() -> None:
    found = run_shapes([FPN, dict(type='BFP', in_channels=4, num_levels=4)], MAPS, MODELS)
    assert found.ran and found.strides == [8, 16, 32, 64]
    assert [one.shape[1] for one in found.maps] == [4] * 4
    assert all(one.is_meta for one in found.maps)


MAPS = maps_of((8, 16), (8, 16))


def test_maps_have_the_sizes_of_a_large_picture() -> None:
    assert [tuple(one.shape) for one in MAPS] == [(1, 8, 128, 128), (1, 16, 64, 64)]


def test_the_order_of_a_neck_is_its_own() -> None:
    neck = dict(type='YOLOV3Neck', num_scales=2, in_channels=[16, 8], out_channels=[8, 4])
    assert run_shapes([neck], MAPS, MODELS).strides == [16, 8]


def test_what_cannot_be_run_says_so() -> None:
    for wrong in (dict(FPN, in_channels=[8, 8]), dict(type='NoSuchNeck'), dict(type='SSDNeck')):
        found = run_shapes([wrong], MAPS, MODELS)
        assert not found.ran and not found.maps and not found.strides


def test_a_plain_module_and_one_without_maps() -> None:
    encoder = dict(
        type='DilatedEncoder',
        in_channels=8,
        out_channels=4,
        block_mid_channels=2,
        num_residual_blocks=1,
        block_dilations=[2],
        init_cfg=None,
    )
    assert run_shapes([encoder], MAPS[:1], MODELS).strides == [8]
    head = run_shapes([dict(type='RPNHead', in_channels=8)], MAPS[:1], MODELS)
    assert head.ran and not head.maps
