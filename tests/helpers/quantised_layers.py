"""A small quantised layer of each kind, and an input for it."""

from __future__ import annotations

from typing import Any

import torch

from mmsfa.compression.quantization import (
    QuantConv1d,
    QuantConv2d,
    QuantConvTranspose2d,
    QuantLinear,
)

LAYERS: dict[str, tuple[type, tuple, dict, tuple]] = {
    'conv1d': (QuantConv1d, (6, 4, 3), dict(padding=1), (2, 6, 9)),
    'conv2d': (QuantConv2d, (6, 4, 3), dict(stride=2, padding=1), (2, 6, 9, 8)),
    'reflect': (QuantConv2d, (6, 4, 3), dict(padding=1, padding_mode='reflect'), (2, 6, 9, 8)),
    'depthwise': (QuantConv2d, (6, 6, 3), dict(groups=6, bias=False), (2, 6, 9, 8)),
    'transposed': (QuantConvTranspose2d, (6, 4, 2), dict(stride=2), (2, 6, 5, 4)),
    'transposed in groups': (QuantConvTranspose2d, (6, 4, 3), dict(groups=2), (2, 6, 5, 4)),
    'linear': (QuantLinear, (6, 4), {}, (2, 6)),
}


def make(name: str, quantizer: Any = 4) -> tuple[Any, torch.Tensor]:
    torch.manual_seed(0)
    kind, args, settings, shape = LAYERS[name]
    return kind(*args, quantizer=quantizer, **settings), torch.randn(shape)
