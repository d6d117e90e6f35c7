"""Spikes are followed to what nobody answers for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmsfa.layers.attention.spike_driven import SpikeDrivenProduct
from mmsfa.neurons import SFA
from mmsfa.spiking.measure.spike_trace import spikes_followed


class Operation(nn.Module):
    """Does something with the spikes of two neurons."""

    def __init__(self, function: Callable) -> None:
        super().__init__()
        self.function = function

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.function(a, b)


class Net(nn.Module):
    """Two neurons, and what reads them."""

    def __init__(self, reader: nn.Module) -> None:
        super().__init__()
        self.fire, self.fire_too, self.reader = SFA(), SFA(), reader

    def forward(self, x: Tensor) -> Tensor:
        return self.reader(self.fire(x), self.fire_too(1.3 * x))


def found_with(reader: nn.Module) -> list[str]:
    net = Net(reader).eval()
    with torch.no_grad(), spikes_followed(net) as found:
        net(torch.rand(2, 3, 6, 6) * 4)
    assert not net.fire._forward_pre_hooks and not net._forward_hooks
    return found


UNKNOWN = dict(
    product=lambda a, b: a * b,
    product_in_place=lambda a, b: a.mul_(2),
    gate=lambda a, b: (a.sum(1, keepdim=True) > 0) * b,
    choice=lambda a, b: torch.where(a > 0, b, torch.zeros_like(b)),
    mask=lambda a, b: b.masked_fill(a > 0, 0.0),
    sum_of_products=lambda a, b: (a[:, None] * b[:, :, None]).sum(1),
    distance=torch.cdist,
    conjunction=torch.logical_and,
    running_sum=lambda a, b: a.cumsum(1),
    vector=lambda a, b: torch.mv(a[0, 0], b[0, 0, 0]),
    inner=lambda a, b: torch.dot(a.flatten(), b.flatten()),
    spectrum=lambda a, b: torch.fft.ifft(torch.fft.fft(a) * torch.fft.fft(b)).real,
    sparse=lambda a, b: torch.sparse.mm(a[0, 0].to_sparse(), b[0, 0]),
    matrix=lambda a, b: a @ b,
    einsum=lambda a, b: torch.einsum('bchw,bchv->bcwv', a, b),
    softmax=lambda a, b: F.softmax(a, 1),
    largest=torch.maximum,
    bits=lambda a, b: a.int() & b.int(),
    behind_views=lambda a, b: a.flatten(2).transpose(1, 2).contiguous() * 2,
    behind_pieces=lambda a, b: torch.cat([a, b], 1).chunk(3, 1)[0].exp(),
)  # fmt: skip
KNOWN = dict(
    shapes=lambda a, b: a.flatten(1).unflatten(1, (3, -1)).mT.permute(1, 0, 2).reshape(2, -1),
    joined=lambda a, b: torch.cat([a, b], 1).split(3, 1)[1],
    residual=lambda a, b: a + b,
    mean=lambda a, b: a.mean((2, 3)),
    resized=lambda a, b: F.interpolate(a, scale_factor=2.0),
    pooled=lambda a, b: F.adaptive_avg_pool2d(F.max_pool2d(a, 2), 1),
    of_the_same_size=lambda a, b: torch.zeros_like(a) * 2,
    of_the_sum=lambda a, b: (a + b) * 2,
    numbers=lambda a, b: a.new_tensor([a.size(0), a.dim()]),
)


@pytest.mark.parametrize('name', UNKNOWN)
def test_operations_without_a_contract_are_named(name: str) -> None:
    assert found_with(Operation(UNKNOWN[name])) == ['reader']


@pytest.mark.parametrize('name', KNOWN)
def test_moves_and_sums_are_not(name: str) -> None:
    assert found_with(Operation(KNOWN[name])) == []


def test_layers_neurons_and_products_answer_for_themselves() -> None:
    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.pool = nn.Conv2d(3, 3, 1), nn.AvgPool2d(2)
            self.norm, self.fire = nn.BatchNorm2d(3), SFA()
            self.product, self.linear = SpikeDrivenProduct(0.1), nn.Linear(6, 2)

        def forward(self, a: Tensor, b: Tensor) -> Tensor:
            heads = [x.flatten(2)[:, None] for x in (a, b)]
            out = self.product(heads[0], heads[1], heads[1]).view_as(a)
            return (
                self.pool(a).sum() + self.linear(self.norm(self.conv(b)) + out) + self.fire(a).sum()
            )

    assert found_with(Reader()) == []


def test_the_model_itself_is_named_by_its_type() -> None:
    class Model(Net):
        def forward(self, x: Tensor) -> Tensor:
            return self.fire(x).exp()

    net = Model(nn.Identity()).eval()
    with torch.no_grad(), spikes_followed(net) as found:
        net(torch.rand(2, 3))
    assert found == ['Model']
