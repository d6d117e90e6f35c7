"""Mean and standard deviation of any number of channels."""

from __future__ import annotations

import pytest
import torch
from mmengine.model import ImgDataPreprocessor

from mmsfa.layers.any_channels import AnyChannels, ChannelsError


class Preprocessor(AnyChannels, ImgDataPreprocessor):
    """The smallest one."""


@pytest.mark.parametrize('channels', [1, 2, 3, 4, 13])
def test_each_channel_has_its_own_numbers(channels: int) -> None:
    mean, std = [float(i) for i in range(channels)], [float(i + 1) for i in range(channels)]
    picture = torch.randint(0, 255, (channels, 4, 6), dtype=torch.uint8)
    expected = [(picture[i].float() - mean[i]) / std[i] for i in range(channels)]
    for inputs in ([picture, picture], torch.stack([picture, picture])):
        given = Preprocessor(mean, std)(dict(inputs=inputs))['inputs']
        assert torch.equal(given, torch.stack([torch.stack(expected)] * 2))


def test_three_channels_are_those_of_the_original() -> None:
    numbers = dict(mean=[1.0, 2.0, 3.0], std=[4.0, 5.0, 6.0], bgr_to_rgb=True, pad_size_divisor=8)
    data = dict(inputs=[torch.rand(3, 5, 6), torch.rand(3, 7, 4)])
    for options in (numbers, dict(bgr_to_rgb=True)):
        mine, original = Preprocessor(**options), ImgDataPreprocessor(**options)
        assert torch.equal(mine(data)['inputs'], original(data)['inputs'])
        assert not mine.state_dict()  # as those of the original, whatever a checkpoint holds


def test_what_does_not_fit() -> None:
    with pytest.raises(ChannelsError, match='one number a channel'):
        Preprocessor([1.0] * 4, [1.0] * 3)
    with pytest.raises(ChannelsError, match='one number a channel'):
        Preprocessor([1.0] * 4)
    with pytest.raises(ChannelsError, match='bgr_to_rgb is for 3 channels'):
        Preprocessor([1.0] * 4, [1.0] * 4, bgr_to_rgb=True)
    four = Preprocessor([1.0] * 4, [1.0] * 4)
    sample = dict(img_path='photo.jpg')
    with pytest.raises(ChannelsError, match=r"photo\.jpg gives 3 channels.*mean has 4.*'unchang"):
        four(dict(inputs=[torch.zeros(3, 2, 2)], data_samples=[sample]))
    with pytest.raises(ChannelsError, match='A picture gives 1 channels'):
        four(dict(inputs=torch.zeros(1, 1, 2, 2)))
