"""Every published layout is recognised and fills, strictly, the model of the shipped config."""

from __future__ import annotations

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

from mmsfa.backbones import Arch
from mmsfa.converters import convert, differences, recognise, refuse_foreign
from mmsfa.neurons import SFA

WIDTHS = {
    '5m': (32, 64, 128, 192),
    '10m': (48, 96, 192, 240),
    '19m': (64, 128, 256, 360),
    '30m': (80, 160, 320, 440),
    '52m': (112, 224, 448, 560),
}


def distilled(p, *channels, local):
    heads = p.classifier(channels[-1]) | p.second_head(channels[-1])
    return p.large(*channels, local=local) | heads


def pre_training(p, *channels, local, container=True):
    encoder = p.large(*channels, local=local, layer_scales=False, container=container)
    return encoder | p.mae_decoder(channels[-1])


def segmentor(p, size):
    channels = WIDTHS[size]
    maps = (channels[0] // 2, channels[0], channels[1], channels[3])
    return p.under('backbone', p.base(*channels, layer_scales=True)) | p.segmentor(*maps)


# published names; title; arch; config; what the config needs for it
LAYOUTS = {
    **{
        f'cls_{size}': (
            lambda p, c=channels: p.base(*c) | p.classifier(c[-1]),
            'image classifier',
            size,
            f'cls/esf_{size}_8xb256_in1k.py',
            {},
        )
        for size, channels in WIDTHS.items()
    },
    '83m': (
        lambda p: p.large(128, 256, 512, local=512) | p.classifier(512),
        'image classifier',
        '83m',
        'cls/esf_83m_8xb128-ft_in1k.py',
        {},
    ),
    '83m_distilled': (
        lambda p: distilled(p, 128, 256, 512, local=512),
        'distilled image classifier (two heads)',
        '83m',
        'cls/esf_83m_8xb196-distill_in1k.py',
        {},
    ),
    '83m_released': (  # the hidden width of its extra branch is 1.5 C
        lambda p: distilled(p, 128, 256, 512, local=768),
        'distilled image classifier (two heads)',
        dict(family='large', channels=(128, 256, 512), local_ratio=1.5),
        'cls/esf_83m_8xb196-distill_in1k.py',
        dict(arch=dict(family='large', channels=(128, 256, 512), local_ratio=1.5)),
    ),
    '173m': (
        lambda p: p.large(196, 384, 768, local=None) | p.classifier(768),
        'image classifier',
        '173m',
        'cls/esf_173m_8xb128-ft_in1k.py',
        {},
    ),
    '173m_distilled': (
        lambda p: distilled(p, 196, 384, 768, local=None),
        'distilled image classifier (two heads)',
        '173m',
        'cls/esf_173m_8xb196-distill_in1k.py',
        {},
    ),
    '173m_w192': (
        lambda p: p.large(192, 384, 768, local=None) | p.classifier(768),
        'image classifier',
        '173m_w192',
        'cls/esf_173m_8xb128-ft_in1k.py',
        dict(arch='173m_w192'),
    ),
    'mae_83m': (
        lambda p: pre_training(p, 128, 256, 512, local=512, container=False),
        'masked pre-training',
        '83m',
        'mim/spike-mae_esf_83m_8xb256-amp-coslr-200e_in1k.py',
        {},
    ),
    'mae_173m': (
        lambda p: pre_training(p, 196, 384, 768, local=None),
        'masked pre-training',
        '173m',
        'mim/spike-mae_esf_173m_8xb256-amp-coslr-200e_in1k.py',
        {},
    ),
    'mae_173m_w192': (
        lambda p: pre_training(p, 192, 384, 768, local=None),
        'masked pre-training',
        '173m_w192',
        'mim/spike-mae_esf_173m-w192_8xb256-amp-coslr-200e_in1k.py',
        {},
    ),
    'mask_rcnn_10m': (
        lambda p: p.mask_rcnn(*WIDTHS['10m'], out=192, hidden=768),
        'Mask R-CNN',
        '10m',
        'det/mask_rcnn_esf_10m.py',
        {},
    ),
    'mask_rcnn_19m': (
        lambda p: p.mask_rcnn(*WIDTHS['19m'], out=256, hidden=1024),
        'Mask R-CNN',
        '19m',
        'det/mask_rcnn_esf_legacy_strides.py',
        {},
    ),
    'cascade_19m': (
        lambda p: p.mask_rcnn(*WIDTHS['19m'], out=256, hidden=1024, cascade=True),
        'Cascade Mask R-CNN',
        '19m',
        'det/cascade_mask_rcnn_esf.py',
        {},
    ),
    'fpn_19m': (lambda p: segmentor(p, '19m'), 'segmentor', '19m', 'seg/fpn_esf.py', {}),
    'har_dvs': (
        lambda p: p.base(*WIDTHS['19m'], in_channels=2, layer_scales=True) | p.classifier(360, 300),
        'event-camera classifier (T=8 as published)',
        '19m',
        'dvs/esf_har_dvs.py',
        {},
    ),
}


def build(cfg: Config) -> torch.nn.Module:
    init_default_scope(cfg.default_scope)
    with torch.device('meta'):
        return MODELS.build(cfg.model)


def neurons(module):
    """What the neurons of a part compute."""
    found = [m for m in module.modules() if isinstance(m, SFA)]
    return {(m.D, m.norm, m.rounding, m.grad_range, m.T, m.T > 1 and m.beta) for m in found}


def spiking(head):
    """The layers that have a neuron in front."""
    return {name for name, layer in head.named_modules() if hasattr(layer, 'neuron')}


@pytest.mark.slow
@pytest.mark.parametrize('layout', LAYOUTS)
def test_it_fills_the_shipped_config(published, repo_dir, layout) -> None:
    names, title, arch, config, changes = LAYOUTS[layout]
    source = published.shapes_only(names(published))
    refuse_foreign(source)
    state_dict, leftover = convert(source)
    assert not leftover
    found = recognise(state_dict)
    assert (found.title, found.backbone['arch']) == (title, arch)
    assert differences(state_dict, found) == []
    cfg = Config.fromfile(repo_dir / 'configs' / config)
    for key, value in changes.items():
        cfg.model.backbone[key] = value
    model = build(cfg)
    model.load_state_dict(state_dict, strict=True, assign=True)
    # what the tool tells is what the config says
    assert model.backbone.arch == Arch.of(arch)
    told = {part: getattr(found, part) for part in ('backbone', 'head') if getattr(found, part)}
    for part, settings in told.items():
        with torch.device('meta'):
            assert neurons(MODELS.build(settings)) <= neurons(getattr(model, part))
    for key in ('out_indices', 'in_channels', 'T', 'out_time'):
        if key in found.backbone:
            assert getattr(model.backbone, key) == found.backbone[key]
    if found.head:
        assert found.head['type'] == cfg.model.head.type
        is_large = model.backbone.arch.rep_convs  # its first head reads potentials
        assert found.head['analog'] == (('fc',) if is_large else ())
        with torch.device('meta'):
            assert spiking(MODELS.build(found.head)) == spiking(model.head)
