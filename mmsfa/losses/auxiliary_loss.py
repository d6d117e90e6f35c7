"""What every auxiliary loss is asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from mmengine.model import BaseModule
from torch import Tensor, nn


class Batch(NamedTuple):
    """One training step as an auxiliary loss sees it.

    Attributes:
        model: The model that is trained.
        inputs: What its ``loss`` got: pictures (N, C, H, W), normalised and mixed.
        data_samples: Their ground truth, a list of N.
    """

    model: nn.Module
    inputs: Any
    data_samples: Any


class AuxiliaryLoss(BaseModule):
    """Base of the losses that are added to a model's own, see :func:`add_auxiliary_losses`.

    A subclass names the modules that it watches and makes a loss of their outputs. What it learns
    itself, such as a projection, is an ordinary parameter of it: it is trained with the model and
    lies in the checkpoint under ``auxiliary_losses.NAME.``.

    Args:
        weight: Factor of the loss; 0 leaves the training as it is without the loss.

    Attributes:
        of_spikes: Whether the loss means something only where neurons fire; the ANN twin of a
            config has none of those.

    Raises:
        ValueError: The weight is negative.

    Example:
        >>> @MODELS.register_module()
        ... class LargestScore(AuxiliaryLoss):
        ...     def watched(self, model):
        ...         return ['decode_head.conv_seg']
        ...     def forward(self, outputs, batch):
        ...         (scores,) = outputs['decode_head.conv_seg']  # (N, K, H, W)
        ...         return scores.amax(1).square().mean()
    """

    of_spikes: bool = False

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        if not weight >= 0:
            raise ValueError(f'weight of {type(self).__name__} must be at least 0, got {weight!r}.')
        self.weight = weight

    def check(self, model: nn.Module) -> None:
        """Look at the model once, when both are built.

        Raises:
            ValueError: The loss does not fit the model.
        """

    def prepare(self) -> None:
        """Get ready when training begins: read a teacher. A test never comes here."""

    def watched(self, model: nn.Module) -> Iterable[str]:
        """Names of the modules whose outputs the loss needs; none for a loss of the weights."""
        return ()

    def forward(self, outputs: dict[str, list[Any]], batch: Batch) -> Tensor | dict[str, Tensor]:
        """The loss of one step, not yet weighted.

        Args:
            outputs: Of the watched modules while the model computed its own losses, one for each
                call of a module, with their gradients; in the order in which the modules first
                ran, behind those that did not.
            batch: Model, inputs and ground truth.

        Returns:
            A scalar, or several by name.
        """
        raise NotImplementedError(f'{type(self).__name__} must define forward.')
