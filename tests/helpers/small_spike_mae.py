"""A fixture: a masked autoencoder small enough for a test. A conftest.py imports it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from mmengine.registry import MODELS, init_default_scope
from torch import nn

import mmsfa.pretrain  # noqa: F401

ARCHS = dict(
    base=dict(channels=(16, 16, 24, 32), depths=(1, 1, 1, 1, 1)),
    large=dict(family='large', channels=(16, 24, 32), depths=(1, 1, 1, 2), local_ratio=1.0),
)
DECODER = dict(embed_dim=32, num_patches=16, decoder_embed_dim=32, decoder_depth=1)


@pytest.fixture
def spike_mae() -> Callable[..., nn.Module]:
    """A function that builds a SpikeMAE for pictures of 64 x 64 pixels, hence 16 patches."""

    def build(family: str = 'base', neck: dict | None = None, **changes: Any) -> nn.Module:
        init_default_scope('mmpretrain')
        cfg = dict(
            type='SpikeMAE',
            backbone=dict(
                type='ESpikeFormer',
                arch=ARCHS[family],
                out_indices=(4,) if family == 'base' else (3,),
            ),
            neck=dict(
                type='SpikeMAEDecoder',
                **{**DECODER, **(neck or {})},
            ),
            head=dict(
                type='MAEPretrainHead',
                norm_pix=True,
                loss=dict(type='PixelReconstructionLoss', criterion='L2'),
            ),
        )
        torch.manual_seed(0)
        model = MODELS.build({**cfg, **changes})
        model.init_weights()
        return model

    return build
