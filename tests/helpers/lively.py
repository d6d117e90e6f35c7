"""Random weights with which every layer fires."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def lively_weights(model: nn.Module, seed: int = 0) -> nn.Module:
    """Give a model random weights with which every layer fires."""
    draw = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            fan_in = module.weight[0].numel()
            module.weight.normal_(0, 2 * fan_in**-0.5, generator=draw)
        elif isinstance(module, nn.BatchNorm2d) and module.affine:
            module.weight.uniform_(0.5, 2, generator=draw)
            module.running_mean.normal_(0, 0.1, generator=draw)
            module.running_var.uniform_(0.5, 2, generator=draw)
        if getattr(module, 'bias', None) is not None:
            module.bias.uniform_(-0.2, 0.8, generator=draw)
    return model


@torch.no_grad()
def learned_scales(model: nn.Module, seed: int = 0) -> nn.Module:
    """Give each neuron with a learned scale or threshold one of its own, 0.6 to 1.6."""
    draw = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        if name.endswith('log_scale'):
            weight.uniform_(-0.5, 0.5, generator=draw)
    for name, threshold in model.named_buffers():
        if name.endswith('running_threshold'):
            threshold.uniform_(0.6, 1.6, generator=draw)
    return model
