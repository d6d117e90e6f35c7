"""Pictures of four channels in mmdet."""

from __future__ import annotations

import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample

import mmsfa.det  # noqa: F401  registers


def test_four_channels_are_normalised_and_padded() -> None:
    options = dict(mean=[1.0, 2.0, 3.0, 4.0], std=[2.0] * 4)
    build = MODELS.build
    size = dict(pad_size_divisor=8)
    data = dict(inputs=[torch.full((4, 5, 6), 9.0)], data_samples=[DetDataSample()])
    given = build(dict(type='AnyChannelsDetDataPreprocessor', **options, **size))(
        data, training=True
    )
    assert given['inputs'].shape == (1, 4, 8, 8)
    assert given['inputs'][0, :, 0, 0].tolist() == [4.0, 3.5, 3.0, 2.5]
    assert given['data_samples'][0].pad_shape == (8, 8)
    three = dict(mean=[1.0, 2.0, 3.0], std=[2.0] * 3, bgr_to_rgb=True, **size)
    data = dict(inputs=[torch.rand(3, 5, 6)], data_samples=[DetDataSample()])
    mine, original = (
        build(dict(type=t, **three))
        for t in ('AnyChannelsDetDataPreprocessor', 'DetDataPreprocessor')
    )
    assert torch.equal(mine(data)['inputs'], original(data)['inputs'])
