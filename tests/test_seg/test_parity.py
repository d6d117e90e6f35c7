"""Numerical identity of the published decoder (needs the parity kit)."""

import torch
from mmseg.registry import MODELS

import mmsfa.seg  # noqa: F401

CHANNELS = [24, 48, 96, 240]


def test_semantic_fpn(parity, convert):
    case = parity.Case('head_qfpn_10m')
    source = case.state_dict(torch=True)
    converted, leftover = convert.convert(
        {k: v.double() if v.is_floating_point() else v for k, v in source.items()}
    )
    assert not leftover
    parts = dict(
        neck=dict(type='SpikeFPN', in_channels=CHANNELS, out_channels=128, num_outs=4),
        decode_head=dict(
            type='SpikeFPNHead',
            in_channels=[128] * 4,
            in_index=[0, 1, 2, 3],
            feature_strides=[2, 4, 8, 16],
            channels=128,
            num_classes=150,
            dropout_ratio=0,
            align_corners=False,
            analog=(),
        ),
    )
    built = {}
    for name, cfg in parts.items():
        built[name] = MODELS.build(dict(norm_cfg=dict(type='BN'), **cfg)).double().eval()
        built[name].load_state_dict(
            {k.removeprefix(f'{name}.'): v for k, v in converted.items() if k.startswith(name)}
        )
    maps = [
        torch.from_numpy(parity.head_input(f'qfpn_in{i}', (2, c, *hw))).double()
        for i, (c, hw) in enumerate(zip(CHANNELS, case.meta['hw'], strict=True))
    ]
    pyramid = built['neck'](maps)
    outs = {f'neck{i}': out for i, out in enumerate(pyramid)}
    outs['logits'] = built['decode_head'](pyramid)
    parity.check_head('head_qfpn_10m', 'eval', outs)
