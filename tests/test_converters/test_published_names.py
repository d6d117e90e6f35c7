"""The name lists that the other tests convert are the published ones."""

from __future__ import annotations

import math

import pytest

BASE = {
    (32, 64, 128, 192): 5_105_608,
    (48, 96, 192, 240): 10_023_112,
    (64, 128, 256, 360): 18_987_504,
    (80, 160, 320, 440): 29_067_920,
    (112, 224, 448, 560): 53_416_264,
}
BUFFERS = ('running_mean', 'running_var', 'num_batches_tracked')


def count(names):
    return sum(math.prod(shape) for name, shape in names.items() if not name.endswith(BUFFERS))


@pytest.mark.parametrize(
    ('tag', 'make'),
    [
        ('cls_10m', lambda p: p.base(48, 96, 192, 240) | p.classifier(240)),
        ('det_10m', lambda p: p.base(48, 96, 192, 240)),
        ('seg_10m', lambda p: p.base(48, 96, 192, 240, layer_scales=True)),
        (
            'large_83m',
            lambda p: p.large(128, 256, 512, local=512) | p.classifier(512) | p.second_head(512),
        ),
        ('head_spikefpn_10m', lambda p: p.spike_fpn(48, 96, 192, 240, out=192)),
        ('head_spikerpn_10m', lambda p: p.rpn_head(192)),
        ('head_sharedspike2fc_10m', lambda p: p.box_head(192, 768)),
        ('head_spikefcnmask_10m', lambda p: p.mask_head(192)),
        ('head_qfpn_10m', lambda p: p.segmentor(24, 48, 96, 240)),
    ],
)
def test_they_are_those_of_the_kit(parity, published, tag, make) -> None:
    want = {name: tuple(shape) for name, shape, _ in parity.Case(tag).meta['state_dict']}
    assert make(published) == want


@pytest.mark.parametrize(('channels', 'params'), BASE.items())
def test_base_models_have_their_published_size(published, channels, params) -> None:
    assert count(published.base(*channels) | published.classifier(channels[-1])) == params


@pytest.mark.parametrize(
    ('channels', 'local', 'params', 'pre_training'),
    [
        ((128, 256, 512), 512, 83_015_952, 85_614_656),
        ((196, 384, 768), None, 171_740_714, None),
        ((192, 384, 768), None, None, 173_776_608),
    ],
)
def test_large_models_have_their_published_size(
    published, channels, local, params, pre_training
) -> None:
    width = channels[-1]
    if params:
        heads = published.classifier(width) | published.second_head(width)
        assert count(published.large(*channels, local=local) | heads) == params
    if pre_training:
        encoder = published.large(*channels, local=local, layer_scales=False)
        assert count(encoder | published.mae_decoder(width)) == pre_training


@pytest.mark.parametrize(
    ('channels', 'out', 'hidden', 'params'),
    [
        ((48, 96, 192, 240), 192, 768, 21_172_240),
        ((64, 128, 256, 360), 256, 1024, 38_738_616),
    ],
)
def test_detectors_have_their_published_size(published, channels, out, hidden, params) -> None:
    assert count(published.mask_rcnn(*channels, out=out, hidden=hidden)) == params
