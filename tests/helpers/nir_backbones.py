"""Backbones whose convolution stages NIR can say, and a picture for them."""

from __future__ import annotations

from pathlib import Path

import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS
from torch import Tensor, nn

SHAPE = (3, 21, 26)  # odd sizes: NIR must round the strides as torch does


def build(repo_dir: Path, neuron: dict | None = None, **options: object) -> nn.Module:
    """The backbone of a shipped config, in evaluation mode; without its attention by default."""
    options = dict(dict(out_indices=(2,)), **options)
    cfg = Config.fromfile(repo_dir / 'configs/cls/esf_tiny_flowers5.py').model.backbone
    cfg.neuron_cfg.update(neuron or {})
    return MODELS.build({**cfg, **options}).eval()


def picture(dtype: torch.dtype = torch.float64) -> Tensor:
    """Noise of few bits."""
    draw = torch.Generator().manual_seed(0)
    return torch.randn(1, *SHAPE, generator=draw).mul_(16).round_().div_(16).to(dtype)
