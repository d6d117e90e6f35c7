"""The firing rate loss says what a counter of spikes says, and its gradient turns firing down."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mmsfa.losses import Batch, FiringRateLoss, add_auxiliary_losses, record_outputs
from mmsfa.neurons import LIF, SFA
from mmsfa.spiking.measure.firing_rate import FiringRateCounter


class Net(nn.Module):
    """Neurons of two kinds; one fires twice on maps of different sizes, one never."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 1)
        self.sfa, self.lif, self.idle = SFA(D=4), LIF(T=1), SFA(D=2)

    def loss(self, inputs, data_samples) -> dict:
        maps = self.layer(inputs)
        self.sfa(maps[..., :2])
        return dict(loss_own=self.lif(self.sfa(maps)).mean())


def pictures() -> torch.Tensor:
    return 3 * torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize('above_only', [False, True])
@pytest.mark.parametrize('target', [0.0, 0.2, 0.9])
def test_the_formula(target: float, above_only: bool) -> None:
    net = Net()
    rates = FiringRateCounter(net)
    rates.attach()
    net.loss(pictures(), None)
    rates.detach()
    layers = [emitted / possible for emitted, possible in rates.layer_totals().values()]
    assert len(layers) == 2
    off = [max(r - target, 0) if above_only else r - target for r in layers]
    loss = FiringRateLoss(target, above_only, weight=3.0)
    found = add_auxiliary_losses(net, dict(rate=loss)).loss(pictures(), None)['loss_rate']
    torch.testing.assert_close(found, torch.tensor(3 * sum(x**2 for x in off) / 2))


def test_it_turns_firing_down_and_up() -> None:
    for target in (0.0, 0.6):
        torch.manual_seed(0)
        net = add_auxiliary_losses(Net(), dict(rate=FiringRateLoss(target)))
        optimizer = torch.optim.Adam(net.parameters(), lr=0.03)
        losses = []
        for _ in range(40):
            loss = net.loss(pictures(), None)['loss_rate']
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < 0.8 * losses[0]


class Signed(SFA):
    lowest = -4

    def forward(self, x):
        return x.round().clamp(-4, 4) / 4


def test_spikes_with_a_sign_are_spikes() -> None:
    net = nn.Sequential(Signed(D=4))
    with record_outputs(net, ['0']) as outputs:
        net(torch.tensor([[-2.0, 2.0, 0.0, 4.0]]))
    loss = FiringRateLoss(target=0.0)(outputs, Batch(net, None, None))
    torch.testing.assert_close(loss, torch.tensor(0.5**2))


@pytest.mark.slow
@pytest.mark.parametrize('kind', ['segmentor', 'classifier'])
def test_recomputed_blocks_give_the_same_gradient(build, batch, kind: str) -> None:
    gradients = []
    for with_cp in (False, True):
        model = build(kind, dict(rate=dict(type='FiringRateLoss')))
        blocks = [m for m in model.modules() if hasattr(m, 'with_cp')]
        assert blocks
        for block in blocks:
            block.with_cp = with_cp
        data = model.data_preprocessor(batch(kind), True)
        model(**data, mode='loss')['loss_rate'].backward()
        gradients.append(model.backbone.downsample_layers[0].conv.weight.grad)
    assert gradients[0].abs().max() > 0
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-8)


def test_it_needs_spikes() -> None:
    plain = Net()
    plain.sfa = plain.lif = plain.idle = nn.ReLU()
    with pytest.raises(ValueError, match='has none: take the loss out of `losses`'):
        add_auxiliary_losses(plain, dict(rate=FiringRateLoss()))


def test_it_says_that_no_neuron_ran() -> None:
    with pytest.raises(ValueError, match='saw no spiking neuron run'):
        FiringRateLoss()({'0': []}, Batch(nn.Sequential(SFA()), torch.zeros(1), None))


def test_a_target_that_is_no_rate_is_refused() -> None:
    with pytest.raises(ValueError, match=r'rate in 0\.\.1, got 20'):
        FiringRateLoss(target=20)
