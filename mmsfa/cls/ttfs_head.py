"""A classifier on spike times: the first spike wins, or the largest potential."""

from __future__ import annotations

from typing import Any

from mmpretrain.models.heads import ClsHead
from mmpretrain.registry import MODELS
from torch import Tensor

from mmsfa.spike_times import SpikeTimeLinear
from mmsfa.spike_times.readout import Readout, check_readout, scores_of
from mmsfa.spike_times.silence import Silence


@MODELS.register_module()
class TTFSHead(ClsHead):
    """One neuron for each class behind a backbone of spike times.

    Args:
        num_classes: Number of classes.
        in_channels: Number of inputs; those of a map are its C*H*W.
        readout: ``'potential'``: the neurons do not fire, their potentials at the end are the
            scores; ``'first_spike'``: the first of them wins. Then the cross-entropy of the head
            is the first-spike loss.
        temperature: What times are divided by with ``'first_spike'``.
        rule: Config of the rule, that of the backbone.
        **kwargs: Arguments of mmpretrain's ``ClsHead`` (loss, topk, ...).

    Shape:
        - Input: tuple whose last tensor has the shape (B, in_channels) or (B, C, H, W).
        - Output: (B, num_classes).

    Raises:
        SpikeTimeError: A setting is none of these, or the input has another size.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        readout: Readout = 'potential',
        temperature: float = 0.2,
        rule: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_readout(readout, temperature)
        self.num_classes, self.in_channels = num_classes, in_channels
        self.readout, self.temperature = readout, temperature
        self._silence = Silence()
        self.fc = SpikeTimeLinear(in_channels, num_classes, rule, readout == 'potential')

    def pre_logits(self, feats: tuple[Tensor, ...]) -> Tensor:
        """The last times, (B, in_channels)."""
        return feats[-1].flatten(1)

    def forward(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Times -> scores."""
        return scores_of(self.fc, self.pre_logits(feats), self.temperature, self._silence)
