"""Pictures of four channels in mmseg."""

from __future__ import annotations

import torch
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

import mmsfa.seg  # noqa: F401  registers


def test_four_channels_are_normalised_and_padded() -> None:
    options = dict(mean=[1.0, 2.0, 3.0, 4.0], std=[2.0] * 4)
    build = MODELS.build
    size = dict(size=(8, 8))
    data = dict(inputs=[torch.full((4, 5, 6), 9.0)], data_samples=[SegDataSample()])
    given = build(dict(type='AnyChannelsSegDataPreProcessor', **options, **size))(
        data, training=True
    )
    assert given['inputs'].shape == (1, 4, 8, 8)
    assert given['inputs'][0, :, 0, 0].tolist() == [4.0, 3.5, 3.0, 2.5]
    assert given['data_samples'][0].padding_size == (0, 2, 0, 3)
    three = dict(mean=[1.0, 2.0, 3.0], std=[2.0] * 3, bgr_to_rgb=True, **size)
    data = dict(inputs=[torch.rand(3, 5, 6)], data_samples=[SegDataSample()])
    mine, original = (
        build(dict(type=t, **three))
        for t in ('AnyChannelsSegDataPreProcessor', 'SegDataPreProcessor')
    )
    assert torch.equal(mine(data)['inputs'], original(data)['inputs'])
