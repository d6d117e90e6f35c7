"""Numerical identity of neck and heads with the published detector (needs the parity kit)."""

import pytest
import torch
from mmdet.registry import MODELS

import mmsfa.det  # noqa: F401

NEURON = dict(type='mmpretrain.SFA', D=4, norm=1)
CHANNELS = [48, 96, 192, 240]
SIZES = [(32, 40), (16, 20), (8, 10), (8, 10)]


@pytest.fixture
def load(parity, convert):
    """A function that builds a head and fills it through the converter."""

    def make(tag, part, **cfg):
        source = parity.Case(tag).state_dict(torch=True)
        converted, leftover = convert.convert({f'{part}.{k}': v for k, v in source.items()})
        assert not leftover
        head = MODELS.build(dict(neuron_cfg=NEURON, **cfg))
        head.load_state_dict({k.removeprefix(f'{part}.'): v for k, v in converted.items()})
        return head.double().eval()

    return make


@pytest.fixture
def potential(parity):
    """A function that gives an input of the kit: 1.2 * N(0, 1) + 1."""
    return lambda name, *shape: torch.from_numpy(parity.head_input(name, shape)).double()


@pytest.mark.parametrize('mode', ['train', 'eval'])
def test_neck(parity, load, potential, mode):
    neck = load(
        'head_spikefpn_10m',
        'neck',
        type='SpikeFPN',
        in_channels=CHANNELS,
        out_channels=192,
        num_outs=5,
        legacy_eval_clip=True,
    ).train(mode == 'train')
    maps = [
        potential(f'fpn_in{i}', 2, c, *hw)
        for i, (c, hw) in enumerate(zip(CHANNELS, SIZES, strict=True))
    ]
    outs = neck(maps)
    parity.check_head('head_spikefpn_10m', mode, {f'out{i}': o for i, o in enumerate(outs)})


def test_neck_is_the_same_in_train_and_eval_by_default(load, potential):
    neck = load(
        'head_spikefpn_10m',
        'neck',
        type='SpikeFPN',
        in_channels=CHANNELS,
        out_channels=192,
        num_outs=5,
    )
    maps = [
        potential(f'fpn_in{i}', 2, c, *hw)
        for i, (c, hw) in enumerate(zip(CHANNELS, SIZES, strict=True))
    ]
    for a, b in zip(neck.train()(maps), neck.eval()(maps), strict=True):
        assert torch.equal(a, b)


def test_rpn_head(parity, load, potential):
    head = load(
        'head_spikerpn_10m',
        'rpn_head',
        type='SpikeRPNHead',
        in_channels=192,
        feat_channels=192,
        anchor_generator=dict(
            type='AnchorGenerator', scales=[8], ratios=[0.5, 1.0, 2.0], strides=[4, 8, 16, 16, 32]
        ),
    )
    scores, deltas = head.forward_single(potential('rpn_in', 2, 192, 16, 20))
    parity.check_head('head_spikerpn_10m', 'eval', dict(cls=scores, reg=deltas))


def test_box_head(parity, load, potential):
    head = load(
        'head_sharedspike2fc_10m',
        'roi_head.bbox_head',
        type='SpikeShared2FCBBoxHead',
        in_channels=192,
        fc_out_channels=768,
        num_classes=80,
    )
    scores, deltas = head(potential('bbox_in', 16, 192, 7, 7))
    parity.check_head('head_sharedspike2fc_10m', 'eval', dict(cls=scores, reg=deltas))


def test_mask_head(parity, load, potential):
    head = load(
        'head_spikefcnmask_10m',
        'roi_head.mask_head',
        type='SpikeFCNMaskHead',
        in_channels=192,
        conv_out_channels=192,
        num_classes=80,
    )
    masks = head(potential('mask_in', 8, 192, 14, 14))
    parity.check_head('head_spikefcnmask_10m', 'eval', dict(mask=masks))
