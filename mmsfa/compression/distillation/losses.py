"""What a student is told by its teacher, as pure functions of two score tensors."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def hard_distillation_loss(scores: Tensor, teacher_scores: Tensor) -> Tensor:
    r"""Cross entropy with the class that the teacher prefers.

    .. math:: L = \mathrm{CE}(s, \arg\max_k t_k)

    Source: Touvron et al., https://arxiv.org/abs/2012.12877, section 4.

    Args:
        scores: Of the student before softmax, shape (N, K, ...).
        teacher_scores: Of the teacher before softmax, of the same shape.

    Returns:
        Mean over N (and what follows K), a scalar.

    Raises:
        ValueError: The shapes differ.
    """
    _check_shapes(scores, teacher_scores)
    return F.cross_entropy(scores, teacher_scores.argmax(dim=1))


def soft_distillation_loss(scores: Tensor, teacher_scores: Tensor, tau: float = 1.0) -> Tensor:
    r"""Kullback-Leibler divergence from the teacher's distribution over the classes.

    .. math:: L = \frac{\tau^2}{|s|} \sum \mathrm{KL}(
        \mathrm{softmax}(t / \tau) \,\|\, \mathrm{softmax}(s / \tau))

    The published code divides by the number of scores :math:`|s| = N K`, not by the number of
    samples: with 1000 classes the loss is small beside the cross entropy.

    Args:
        scores: Of the student before softmax, shape (N, K, ...).
        teacher_scores: Of the teacher before softmax, of the same shape.
        tau: Temperature; above 1 the smaller scores count more.

    Returns:
        A scalar.

    Raises:
        ValueError: The shapes differ.
    """
    _check_shapes(scores, teacher_scores)
    divergence = F.kl_div(
        F.log_softmax(scores / tau, dim=1),
        F.log_softmax(teacher_scores / tau, dim=1),
        reduction='sum',
        log_target=True,
    )
    return divergence * tau**2 / scores.numel()


def sigmoid_distillation_loss(scores: Tensor, teacher_scores: Tensor, tau: float = 1.0) -> Tensor:
    r"""Divergence of each score by itself, for heads that end in a sigmoid.

    .. math:: L = \frac{\tau^2}{|s|} \sum \mathrm{KL}(
        \mathrm{B}(\sigma(t / \tau)) \,\|\, \mathrm{B}(\sigma(s / \tau)))

    with :math:`\mathrm{B}(p)` the Bernoulli distribution: what a dense detector says of one class
    at one place. It is 0 where both agree.

    Args:
        scores: Of the student before the sigmoid, of any shape.
        teacher_scores: Of the teacher before the sigmoid, of the same shape.
        tau: Temperature; above 1 the smaller scores count more.

    Returns:
        A scalar.

    Raises:
        ValueError: The shapes differ.
    """
    _check_shapes(scores, teacher_scores)
    p = torch.sigmoid(teacher_scores / tau)
    cross = F.binary_cross_entropy_with_logits(scores / tau, p)
    return (cross - F.binary_cross_entropy_with_logits(teacher_scores / tau, p)) * tau**2


def _check_shapes(scores: Tensor, teacher_scores: Tensor) -> None:
    if scores.shape != teacher_scores.shape:
        raise ValueError(
            'Student and teacher must score the same classes of the same samples, got scores of '
            f'the shapes {tuple(scores.shape)} (student) and {tuple(teacher_scores.shape)} '
            '(teacher); compare num_classes of both.'
        )
