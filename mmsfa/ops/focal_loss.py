"""Sigmoid and softmax focal loss in the form of mmcv's extension, in plain torch.

Source: Lin et al., "Focal Loss for Dense Object Detection", https://arxiv.org/abs/1708.02002.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from .plain_gradient import gradients_of


def _class_weights(weight: Tensor, target: Tensor) -> Tensor | float:
    """The weight of each target, (N,); an empty ``weight`` weighs nothing."""
    if not weight.numel():
        return 1.0
    if target.numel() and int(target.max()) >= len(weight):
        raise ValueError(
            f'A class-wise weight of the focal loss has {len(weight)} classes, got target '
            f'{int(target.max())}: a target of the background has no weight, so pass weight=None.'
        )
    return weight[target]


def _sigmoid_focal_loss(
    x: Tensor, target: Tensor, weight: Tensor, gamma: float, alpha: float
) -> Tensor:
    is_class = target[:, None] == torch.arange(x.shape[1], device=x.device)
    log_p, log_rest = F.logsigmoid(x), F.logsigmoid(-x)
    # Powers through logarithms: their slope stays finite where p is 0 or 1, whatever gamma is.
    positive = -alpha * (gamma * log_rest).exp() * log_p
    negative = -(1 - alpha) * (gamma * log_p).exp() * log_rest
    weights = _class_weights(weight, target)
    loss = torch.where(is_class, positive, negative)
    return loss * weights[:, None] if isinstance(weights, Tensor) else loss


def sigmoid_focal_loss_forward(
    input: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float, alpha: float
) -> None:
    """Fill ``output`` with the loss of each score.

    Args:
        input: Logits, (N, classes).
        target: Class of each row; any other number is background, (N,), int64.
        weight: Weight of each class, (classes,), or empty.
        output: Is filled, (N, classes).
        gamma: How strongly easy scores are damped.
        alpha: Weight of the right class; the others have 1 - alpha.
    """
    output.copy_(_sigmoid_focal_loss(input, target, weight, gamma, alpha))


def sigmoid_focal_loss_backward(
    input: Tensor, target: Tensor, weight: Tensor, grad_input: Tensor, gamma: float, alpha: float
) -> None:
    """Fill ``grad_input`` with the slope of each loss."""
    loss = partial(_sigmoid_focal_loss, target=target, weight=weight, gamma=gamma, alpha=alpha)
    grad_input.copy_(gradients_of(loss, [input], torch.ones_like(input))[0])


def _of_target(values: Tensor, target: Tensor) -> Tensor:
    """The entry of the right class in each row; 1, which has no loss, where there is none."""
    entry = values.gather(1, target.clamp(min=0)[:, None])[:, 0]
    return torch.where(target >= 0, entry, 1)


def softmax_focal_loss_forward(
    input: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float, alpha: float
) -> None:
    """Fill ``output`` with the loss of each row.

    Args:
        input: Probabilities (behind the softmax), (N, classes).
        target: Right class of each row, (N,), int64; a negative one has no loss.
        weight: Weight of each class, (classes,), or empty.
        output: Is filled, (N,).
        gamma: How strongly easy rows are damped.
        alpha: Factor of the loss.
    """
    weights = _class_weights(weight, target)
    p = _of_target(input, target)
    loss = -alpha * (1 - p) ** gamma * p.clamp(min=torch.finfo(p.dtype).tiny).log()
    output.copy_(loss * weights)


def softmax_focal_loss_backward(
    input: Tensor,
    target: Tensor,
    weight: Tensor,
    buff: Tensor,
    grad_input: Tensor,
    gamma: float,
    alpha: float,
) -> None:
    """Fill ``grad_input`` with the gradient of the logits in front of the softmax."""
    p = _of_target(input, target)
    log_p = p.clamp(min=torch.finfo(p.dtype).tiny).log()
    rest = (1 - p).clamp(min=torch.finfo(p.dtype).tiny)  # a negative power of 0 is infinite
    # d loss / d log p, which is the same as p * d loss / d p
    buff.copy_(alpha * (gamma * rest ** (gamma - 1) * p * log_p - rest**gamma))
    buff.mul_(_class_weights(weight, target)).mul_(target >= 0)
    is_class = target[:, None] == torch.arange(input.shape[1], device=input.device)
    grad_input.copy_(buff[:, None] * (is_class.to(input.dtype) - input))
