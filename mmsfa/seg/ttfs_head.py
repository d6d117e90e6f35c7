"""A decode head on spike times: every pixel is a race of its classes."""

from __future__ import annotations

from typing import Any

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor

from mmsfa.spike_times.layers import SpikeTimeConv2d
from mmsfa.spike_times.readout import Readout, check_readout, scores_of
from mmsfa.spike_times.silence import Silence


@MODELS.register_module()
class TTFSSegHead(BaseDecodeHead):
    """One neuron for each class and place behind a `TTFSNet`; mmseg resizes their scores.

    Args:
        *args: Arguments of mmseg's ``BaseDecodeHead``.
        readout: ``'potential'`` or ``'first_spike'``, see `mmsfa.cls.TTFSHead`.
        temperature: What times are divided by with ``'first_spike'``.
        rule: Config of the rule, that of the backbone.
        **kwargs: Arguments of mmseg's ``BaseDecodeHead``; ``channels`` is not used, and there is
            no dropout: times are no activations.

    Shape:
        - Input: tuple of times, the one at ``in_index`` is (B, in_channels, H, W).
        - Output: (B, num_classes, H, W).
    """

    def __init__(
        self,
        *args: Any,
        readout: Readout = 'potential',
        temperature: float = 0.2,
        rule: dict | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs = dict(channels=1) | kwargs | dict(dropout_ratio=0)
        # mmseg's own initialisation is one for ordinary layers.
        super().__init__(*args, **(dict(init_cfg=None) | kwargs))
        check_readout(readout, temperature)
        self.readout, self.temperature = readout, temperature
        self._silence = Silence()
        self.conv_seg = SpikeTimeConv2d(
            self.in_channels, self.out_channels, 3, 1, 1, rule, readout == 'potential'
        )

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Times -> scores of each place."""
        return scores_of(self.conv_seg, inputs[self.in_index], self.temperature, self._silence)
