"""Gradients of a function that is run again."""

from __future__ import annotations

import torch

from mmsfa.ops.plain_gradient import gradients_of


def product(x: torch.Tensor, y: torch.Tensor, unused: torch.Tensor) -> torch.Tensor:
    return x * y**2


def test_each_input_gets_its_gradient_also_without_a_graph_outside() -> None:
    x, y, unused = torch.tensor([2.0, 3.0]), torch.tensor([5.0, 7.0]), torch.ones(3)
    with torch.no_grad():  # as in the backward of an autograd function
        to_x, to_y, to_unused = gradients_of(product, [x, y, unused], torch.tensor([1.0, 10.0]))
    assert to_x.tolist() == [25, 490]
    assert to_y.tolist() == [2 * 2 * 5, 10 * 2 * 3 * 7]
    assert to_unused.tolist() == [0, 0, 0]


def test_the_inputs_themselves_are_left_alone() -> None:
    x, y = torch.ones(2, requires_grad=True), torch.ones(2)
    gradients_of(product, [x, y, y], torch.ones(2))
    assert x.grad is None and y.grad is None and not y.requires_grad
