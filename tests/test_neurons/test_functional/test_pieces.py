"""Work in pieces: every element once, the same numbers, whatever the layout."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mmsfa.neurons import spikes_as_bytes
from mmsfa.neurons.functional import integer_fire, pieces
from mmsfa.neurons.functional.pieces import divide_, is_dense
from mmsfa.neurons.functional.pieces import pieces as split_up


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, 'PIECE', 50)
    monkeypatch.setattr(torch, 'get_num_threads', lambda: 1)


LAYOUTS = {
    'contiguous': lambda x: x,
    'channels last': lambda x: x.to(memory_format=torch.channels_last),
    'transposed': lambda x: x.transpose(1, 2),
    'with holes': lambda x: x[:, ::2],
}


@pytest.mark.parametrize('layout', LAYOUTS)
def test_each_element_comes_once_and_at_the_same_place(layout: str) -> None:
    x = LAYOUTS[layout](torch.randn(2, 6, 5, 7))
    y = torch.empty_like(x, dtype=torch.int8) if is_dense(x) else x.to(torch.int8)
    parts = list(split_up(x, y))
    assert sum(part.numel() for part, _ in parts) == x.numel()
    assert len(parts) == (-(-x.numel() // 50) if is_dense(x) else 1)
    for part, other in parts:
        other.copy_(part.sign())
    assert torch.equal(y, x.sign().to(torch.int8))


def test_tensors_of_different_layouts_come_whole() -> None:
    x = torch.randn(2, 6, 5, 7)
    other = x.to(memory_format=torch.channels_last)
    ((one, two),) = split_up(x, other)
    assert one is x
    assert two is other


def fired(x: Tensor, grad: Tensor, **settings: object) -> tuple[Tensor, Tensor]:
    x = x.detach().requires_grad_()
    with spikes_as_bytes():
        y = integer_fire(x, **settings)
        kept = y * 1 * y  # keeps the spikes
    kept.backward(grad)
    return y.detach(), x.grad


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize(
    'settings', [{}, dict(rounding='half_up', grad_range='open'), dict(D=3, norm=3)], ids=str
)
def test_firing_in_pieces_is_firing_at_once(
    settings: dict, layout: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = 2 * torch.randn(2, 6, 5, 7, dtype=dtype)
    x[0, 0, 0] = torch.tensor([0.0, -0.0, 0.5, 2.5, 4.0, 4.1, torch.nan])
    x = LAYOUTS[layout](x)
    grad = torch.randn(x.shape).to(dtype)  # of another layout than channels last
    found = fired(x, grad, **settings)
    monkeypatch.setattr(pieces, 'PIECE', 1 << 18)
    expected = fired(x, grad, **settings)
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one.nan_to_num(nan=-7), other.nan_to_num(nan=-7))


@pytest.mark.parametrize('norm', [1, 2, 3, 4, 0.5, 6.0])
def test_dividing_is_dividing(norm: float) -> None:
    x = torch.randn(1000)
    assert torch.equal(divide_(x.clone(), norm), x / norm)
