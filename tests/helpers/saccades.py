"""Gates that choose: thresholds in the middle of what arrives."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmsfa.neurons.saccadic import SaccadicMix


@torch.no_grad()
def open_half_of_the_gates(model: nn.Module, x: Tensor) -> nn.Module:
    """Mix over time at random, and set each threshold to the median of its step.

    Lively weights fire other numbers of spikes than those of a start.

    Args:
        model: Anything with saccadic attention, in evaluation mode.
        x: What it gets.
    """
    found = [m for m in model.modules() if isinstance(m, SaccadicMix)]
    for module in found:
        module.mix.add_(0.3 * torch.randn_like(module.mix).tril())
        hook = module.register_forward_pre_hook(_set_threshold)
        model(x)  # one after the other: the next one reads what the gates of this one let through
        hook.remove()
    return model


def _set_threshold(module: SaccadicMix, args: tuple[Tensor]) -> None:
    module.threshold.zero_()
    charge = module.distance(args[0].unflatten(0, (module.T, -1)))
    module.threshold.copy_(charge.flatten(1).median(1).values)
