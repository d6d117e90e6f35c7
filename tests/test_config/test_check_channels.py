"""Pictures of other than three channels: what cannot work is said before it starts."""

from __future__ import annotations

from typing import Any

import pytest
from mmengine.config import Config

import mmsfa.det
import mmsfa.seg  # noqa: F401  registers
from mmsfa.config.check_channels import COLOURS, check_channels
from mmsfa.layers.any_channels import ChannelsError

ESF = 'mmpretrain.ESpikeFormer'


def config(number: int = 4, steps: Any = (), scope: str = 'mmdet', **changes: Any) -> Config:
    """A detector of ``number`` channels; changes are of the preprocessor."""
    preprocessor = dict(
        type='AnyChannelsDetDataPreprocessor', mean=[1.0] * number, std=[1.0] * number
    )
    backbone = dict(type=ESF, arch='tiny', in_channels=number)
    return Config(
        dict(
            default_scope=scope,
            model=dict(
                type='Any', backbone=backbone, data_preprocessor={**preprocessor, **changes}
            ),
            train_dataloader=dict(dataset=dict(type='Any', pipeline=list(steps))),
        )
    )


@pytest.mark.parametrize('number', [1, 2, 3, 4, 13])
def test_what_fits(number: int) -> None:
    check_channels(config(number))
    check_channels(config(number, mean=None, std=None))
    check_channels(config(number, mean=[1.0], std=[1.0], bgr_to_rgb=True))
    in_time = config(2, mean=[1.0] * 6, std=[1.0] * 6)
    in_time.model.backbone.T = 3
    check_channels(in_time)


@pytest.mark.parametrize(
    ('scope', 'kind', 'instead'),
    [
        ('mmdet', 'DetDataPreprocessor', "set type='AnyChannelsDetDataPreprocessor'"),
        ('mmseg', 'SegDataPreProcessor', "set type='AnyChannelsSegDataPreProcessor'"),
        ('mmpretrain', 'SelfSupDataPreprocessor', 'put AnyChannels of mmsfa.layers before it'),
    ],
)
def test_the_preprocessors_of_three_channels(scope: str, kind: str, instead: str) -> None:
    with pytest.raises(ChannelsError, match=f'{kind} takes mean .* of 1 or 3 channels, got 4: '):
        check_channels(config(4, scope=scope, type=kind))
    with pytest.raises(ChannelsError, match=instead):
        check_channels(config(4, scope=scope, type=kind))
    check_channels(config(3, scope=scope, type=kind, bgr_to_rgb=True))


@pytest.mark.parametrize('order', ['bgr_to_rgb', 'rgb_to_bgr', 'to_rgb'])
def test_no_order_of_colours(order: str) -> None:
    with pytest.raises(ChannelsError, match=f'{order} is for 3 channels, and mean has 4'):
        check_channels(config(4, **{order: True}))
    classifier = config(4, scope='mmpretrain', **{order: True})  # whose settings stand at the top
    classifier.data_preprocessor = classifier.model.pop('data_preprocessor')
    del classifier.data_preprocessor['type']
    with pytest.raises(ChannelsError, match=f'{order} is for 3 channels'):
        check_channels(classifier)


def test_numbers_that_differ() -> None:
    with pytest.raises(ChannelsError, match='mean has 4 numbers and std 3'):
        check_channels(config(4, std=[1.0] * 3))
    cfg = config(4)
    del cfg.model.backbone['in_channels']
    with pytest.raises(ChannelsError, match='is for 4 channels, and .*in_channels is 3'):
        check_channels(cfg)
    cfg.model.backbone.type = 'ResNet'
    check_channels(cfg)  # not judged


@pytest.mark.parametrize(
    'name', [*COLOURS, 'mmdet.PhotoMetricDistortion', 'torchvision/ColorJitter', 'RandAugment']
)
def test_transforms_of_colours(name: str) -> None:
    load, step = dict(type='LoadImageFromFile'), dict(type=name)
    for steps in ([load, step], [load, dict(type='RandomApply', transforms=[step])]):
        with pytest.raises(
            ChannelsError, match='for pictures of 3 channels, and the model takes 4'
        ):
            check_channels(config(4, steps))
        for number in (1, 3):
            check_channels(config(number, steps))
    check_channels(config(2, [load, dict(type='SimulateEvents', T=3)]))


def test_policies_count_by_what_they_hold() -> None:
    own = dict(type='AutoAugment', policies=[[dict(type='Rotate', magnitude=3)]])
    check_channels(config(4, [own]))
    own['policies'][0].append(dict(type='Equalize'))
    with pytest.raises(ChannelsError, match=r'pipeline\.0\.policies\.0\.1 \(Equalize\)'):
        check_channels(config(4, [own]))


@pytest.mark.parametrize('kind', ['ESpikeFormer', 'BESTformer'])
def test_a_still_picture_of_three_channels_may_be_shown_several_times(kind: str) -> None:
    steps = [dict(type='LoadImageFromFile'), dict(type='ColorJitter')]
    cfg = config(3, steps)
    cfg.model.backbone.update(type=f'mmpretrain.{kind}', in_channels=3, T=4)
    check_channels(cfg)
    cfg.model.backbone.in_channels = 2
    cfg.model.data_preprocessor = None
    with pytest.raises(ChannelsError, match='3 channels, and the model takes 8'):
        check_channels(cfg)
