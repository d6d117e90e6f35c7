"""The entropy loss spreads the levels of trained neurons, and is not of networks without any."""

from __future__ import annotations

import torch
from torch import nn

from mmsfa.losses import LevelEntropyLoss, add_auxiliary_losses
from mmsfa.neurons import SFA


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 16)
        self.sfa = SFA(D=4)

    def loss(self, inputs, data_samples) -> dict:
        return dict(loss_own=0 * self.sfa(self.layer(inputs)).mean())


def test_it_spreads_the_levels() -> None:
    net = add_auxiliary_losses(Net(), dict(levels=dict(type='LevelEntropyLoss', weight=2.0)))
    x = torch.randn(64, 8)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    losses, used = [], []
    for _ in range(40):
        loss = net.loss(x, None)['loss_levels']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        used.append(net.sfa.entropy_of(net.sfa(net.layer(x))).item())
    assert losses[0] > 0.8 and losses[-1] < 0.4
    assert abs(losses[-1] - 2 * (1 - used[-2])) < 1e-5  # what a histogram says


def test_it_is_a_loss_of_spikes() -> None:
    assert LevelEntropyLoss.of_spikes
