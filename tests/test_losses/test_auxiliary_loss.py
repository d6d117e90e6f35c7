"""What a loss of one's own needs to say, and what it need not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from mmsfa.losses import AuxiliaryLoss, Batch, add_auxiliary_losses


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 3)

    def loss(self, inputs, data_samples) -> dict[str, Tensor]:
        return dict(loss_own=self.layer(inputs).mean())


class OfWeights(AuxiliaryLoss):
    """Neither watches nor checks anything; its batch is what the model got."""

    def forward(self, outputs: dict, batch: Batch) -> Tensor:
        assert outputs == {}
        self.seen = batch
        return batch.model.layer.weight.square().sum()


def test_a_loss_of_the_weights_needs_no_more_than_forward() -> None:
    loss = OfWeights(weight=3)
    assert list(loss.watched(Net())) == [] and loss.check(Net()) is loss.prepare() is None
    net = add_auxiliary_losses(Net(), dict(decay=loss))
    pictures, samples = torch.ones(4, 2), ['a', 'b', 'c', 'd']
    found = net.loss(pictures, samples)
    torch.testing.assert_close(found['loss_decay'], 3 * net.layer.weight.square().sum())
    assert loss.seen == (net, pictures, samples)
    assert not loss.of_spikes  # the ANN twin keeps it
    assert loss.state_dict() == {}


def test_forward_must_be_there() -> None:
    class Forgetful(AuxiliaryLoss):
        pass

    with pytest.raises(NotImplementedError, match='Forgetful must define forward'):
        Forgetful()({}, Batch(Net(), None, None))


@pytest.mark.parametrize('weight', [-0.5, float('nan')])
def test_a_weight_is_not_negative(weight: float) -> None:
    with pytest.raises(ValueError, match=f'weight of OfWeights must be at least 0, got {weight}'):
        OfWeights(weight)
    assert OfWeights(0).weight == 0 and OfWeights().weight == 1
