"""Gradients of operators that are written in plain torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def gradients_of(
    function: Callable[..., Tensor], inputs: Sequence[Tensor], grad_output: Tensor
) -> tuple[Tensor, ...]:
    """Run a function again and send a gradient back through it.

    Args:
        function: Differentiable; is called with the inputs.
        inputs: Tensors that a gradient is wanted of.
        grad_output: Gradient of what the function returns.

    Returns:
        One gradient for each input.
    """
    with torch.enable_grad():
        leaves = [x.detach().requires_grad_() for x in inputs]
        output = function(*leaves)
    return torch.autograd.grad(output, leaves, grad_output, materialize_grads=True)
