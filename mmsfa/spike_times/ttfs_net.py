"""A backbone of spike times for any classifier or segmentor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmsfa.neurons.real_time import RealTime

from .codes import SpikeTimeError, check_times, times_of_activations, times_of_pixels
from .layers import EarliestPool2d, SpikeTimeConv2d, SpikeTimeLayer, SpikeTimeLinear
from .silence import Silence, share_of_firing

Code = Literal['pixels', 'conv']


@MODELS.register_module()
class TTFSNet(RealTime, BaseModule):
    """Convolutions of 3 x 3, poolings and dense layers in which each neuron fires once or never.

    What comes out are spike times: no BN, shortcut or mean (``GlobalAveragePooling``) may follow,
    but `mmsfa.cls.TTFSHead` or `mmsfa.seg.TTFSSegHead`.

    Args:
        plan: Widths of the convolutions, and ``'M'`` for a pooling of 2 x 2 (the earliest passes).
        fc: Widths of dense layers behind them; they need ``input_size``.
        in_channels: Channels of the input.
        input_size: (H, W) of the input; None takes every size, without dense layers.
        code: How the input becomes times: ``'pixels'`` takes strengths in [0, 1], the strongest
            first; ``'conv'`` takes any picture, which the first convolution of the plan
            multiplies (the published code of DTA-TTFS); None takes times.
        rule: Config of the rule of all neurons, `ReLPSP` or `WindowTTFS`.
        init_cfg: Config of the initialisation.

    Attributes:
        features: Convolutions and poolings by their place in the plan.
        dense: The dense layers.

    Shape:
        - Input: (B, in_channels, H, W).
        - Output: tuple of one tensor of times, (B, C, H', W'), or (B, fc[-1]); inf where silent.

    Raises:
        SpikeTimeError: Settings or inputs do not fit, or a whole batch of training is silent.
    """

    def __init__(
        self,
        plan: Sequence[int | str] = (16, 'M', 32, 'M'),
        fc: Sequence[int] = (),
        in_channels: int = 3,
        input_size: Sequence[int] | None = None,
        code: Code | None = 'pixels',
        rule: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if code not in ('pixels', 'conv', None):
            raise SpikeTimeError(f"code must be 'pixels', 'conv' or None (times), got {code!r}.")
        if code == 'conv' and (not plan or not isinstance(plan[0], int)):
            raise SpikeTimeError(f"With code='conv' plan must begin with a width, got {plan!r}.")
        if fc and input_size is None:
            raise SpikeTimeError('Dense layers (fc) need the input_size (H, W) of the pictures.')
        self.code = code
        self._silence = Silence()
        self.step_channels = in_channels  # T is 1: times are in the values
        self.input_size = None if input_size is None else tuple(input_size)
        self.features = nn.ModuleList()
        width, halvings = in_channels, 0
        for step in plan:
            if step == 'M':
                self.features.append(EarliestPool2d(2))
                halvings += 1
            elif not isinstance(step, int):
                raise SpikeTimeError(f"A step of plan must be a width or 'M', got {step!r}.")
            else:
                first = code == 'conv' and not self.features
                conv = nn.Conv2d(width, step, 3, padding=1, bias=False) if first else None
                self.features.append(conv or SpikeTimeConv2d(width, step, 3, 1, 1, rule))
                width = step
        self.dense = nn.ModuleList()
        if self.input_size is not None:
            places = [side >> halvings for side in self.input_size]
            inputs = width * places[0] * places[1]
            for size in fc:
                self.dense.append(SpikeTimeLinear(inputs, size, rule))
                inputs = size

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Strengths, pictures or times -> times."""
        self._check_shape(x)
        layers = list(self.features)
        if self.code == 'pixels':
            t = times_of_pixels(x)
        elif self.code == 'conv':
            t = times_of_activations(layers.pop(0)(x))
        else:
            check_times(x)
            t = x
        if self.training and not bool(t.isfinite().any()):
            raise SpikeTimeError(
                f'Nothing fires in this whole batch of {len(x)}: its pictures are black, or its '
                'recordings have no events, so that nothing could be learnt from it. Look at what '
                'the pipeline gives (tools/analysis_tools/browse_dataset.py).'
            )
        shares = {}
        for place, layer in [*enumerate(layers, int(self.code == 'conv')), *enumerate(self.dense)]:
            dense = isinstance(layer, SpikeTimeLinear)
            t = layer(t.flatten(1) if dense else t)
            if self.training and isinstance(layer, SpikeTimeLayer):
                shares[f'{"dense" if dense else "features"}.{place}'] = share_of_firing(t)
        self._silence.name(shares)
        return (t,)

    def _check_shape(self, x: Tensor) -> None:
        size = self.input_size
        got = tuple(map(int, x.shape))
        if x.dim() != 4 or got[1] != self.step_channels or size not in (None, got[2:]):
            expected = ', '.join(map(str, ('B', self.step_channels, *(size or ('H', 'W')))))
            raise SpikeTimeError(
                f'This TTFSNet takes a batch of shape ({expected}), got {got}: change '
                'in_channels or input_size, or resize the pictures.'
            )
