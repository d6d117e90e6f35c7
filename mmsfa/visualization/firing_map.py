"""Where in a picture the backbone fires."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack

import torch
from mmengine.structures import BaseDataElement
from torch import Tensor, nn
from torch.nn import functional as F

from mmsfa.errors import OptionError
from mmsfa.neurons import SpikingNeuron
from mmsfa.neurons.real_time import mean_over_time
from mmsfa.spiking.measure.observer import neurons_of, observe
from mmsfa.spiking.measure.stages import in_model_order, stage_of

from .windows import Window, windows_of


class FiringMap:
    """Collects mean count / D over channels of the backbone's neuron layers, as maps.

    Used as a context around ``model.test_step``; after each batch `mean` and `stages` give the
    maps of that batch, at the size of the network's input. Layers weigh the same, whatever their
    resolution. What a sliding window saw is put at the place of the window, and overlaps are
    averaged. Only sums of maps with one channel are kept.

    Args:
        model: A model with a ``backbone``, or a backbone.

    Raises:
        OptionError: The backbone has no spiking neurons (the ANN twin).
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.backbone = getattr(model, 'backbone', model)
        if not neurons_of(self.backbone):
            raise OptionError(
                'A firing map needs spiking neurons in the backbone, and '
                f'{type(self.backbone).__name__} has none: give the config of a spiking model.'
            )
        self._open = ExitStack()
        # Windows of this batch that are still to come; None: nobody has told the size.
        self._to_come: list[Window] | None = None
        # Of this window: (stage, size of map) -> sum over layers (N, h, w)
        self._fresh: dict[tuple[str, torch.Size], Tensor] = {}
        self._fresh_layers: Counter[str] = Counter()
        # Of this batch: stage -> sum over layers and windows (N, H, W)
        self._sums: dict[str, Tensor] = {}
        self._num_layers: Counter[str] = Counter()
        self._num_windows = torch.zeros(0, 0)  # at each place (H, W)

    def __enter__(self) -> FiringMap:
        self._to_come = None
        hooks = [
            self.backbone.register_forward_pre_hook(self._runs),
            self.backbone.register_forward_hook(self._ran),
        ]
        preprocessor = getattr(self.model, 'data_preprocessor', None)
        if preprocessor is not None:
            hooks.append(preprocessor.register_forward_hook(self._begins))
        for hook in hooks:
            self._open.callback(hook.remove)
        self._open.enter_context(observe(self.backbone, neuron=self._fired))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
        self._forget_window()

    @property
    def num_layers(self) -> int:
        """Number of neuron layers that `mean` is taken over."""
        return sum(self._num_layers.values())

    def mean(self) -> Tensor:
        """Mean over all neuron layers, shape (N, H, W), in [0, 1]."""
        return sum(self._sums.values()) / self._num_windows / self.num_layers

    def stages(self) -> dict[str, Tensor]:
        """Mean over the neuron layers of each stage, shape (N, H, W), by depth."""
        return {
            stage: self._sums[stage] / self._num_windows / self._num_layers[stage]
            for stage in in_model_order(self._sums)
        }

    def _begins(self, _module: nn.Module, _inputs: tuple, output: dict) -> None:
        """A batch has been normalised and padded: windows slide over this."""
        height, width = output['inputs'].shape[-2:]
        self._start(windows_of(getattr(self.model, 'test_cfg', None), height, width))

    def _start(self, windows: list[Window]) -> None:
        self._to_come = list(windows)
        self._sums.clear()
        self._num_layers.clear()
        bottom, right = windows[-1].bottom, windows[-1].right
        self._num_windows = torch.zeros(bottom, right)

    def _forget_window(self) -> None:
        self._fresh, self._fresh_layers = {}, Counter()

    def _runs(self, _module: nn.Module, _inputs: tuple[Tensor, ...]) -> None:
        """The backbone begins; an earlier call may have failed half-way and left maps behind."""
        self._forget_window()

    def _fired(self, name: str, neuron: SpikingNeuron, output: Tensor) -> None:
        if output.dim() != 4:
            return
        stage = stage_of(name)
        key = stage, output.shape[-2:]
        rate = neuron.rates_of(output, axis=1)
        if neuron.T > 1:
            rate = mean_over_time(rate, neuron.T)
        self._fresh[key] = self._fresh.get(key, 0) + rate
        self._fresh_layers[stage] += 1

    def _ran(self, _module: nn.Module, inputs: tuple[Tensor, ...], _output: object) -> None:
        """The backbone has seen one window: add its maps at their place."""
        size = tuple(inputs[0].shape[-2:])
        alone = self._to_come is None
        if alone:  # somebody calls the backbone itself
            self._start(windows_of(None, *size))
        if not self._to_come or self._to_come[0].size != size:
            expected = self._to_come[0].size if self._to_come else 'no further window'
            raise RuntimeError(
                f'The backbone got an input of size {size}, expected {expected}: the model must '
                'see each picture once, whole or in the sliding windows of mmseg.'
            )
        place = (..., *self._to_come.pop(0).place)
        for (stage, _), rates in self._fresh.items():
            if stage not in self._sums:
                self._sums[stage] = rates.new_zeros(len(rates), *self._num_windows.shape)
            self._sums[stage][place] += resize(rates, size)
        self._num_windows = self._num_windows.to(inputs[0].device)
        self._num_windows[place] += 1
        self._num_layers = self._fresh_layers
        self._forget_window()
        if alone:
            self._to_come = None


def resize(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize maps (N, h, w) to (N, *size), bilinear."""
    return F.interpolate(maps[:, None], size, mode='bilinear', align_corners=False)[:, 0]


def at_original_size(rates: Tensor, sample: BaseDataElement) -> Tensor:
    """Undo what pipeline and preprocessor did to the geometry of a picture.

    Args:
        rates: Map at the size of the network's input, shape (H, W).
        sample: Its data sample. ``ori_shape`` and ``scale_factor`` (width, height) tell how large
            the picture was and became; what the input holds at the right and below is padding.

    Returns:
        Shape ``ori_shape``.
    """
    height, width = sample.ori_shape[:2]
    scale_w, scale_h = sample.get('scale_factor', (1, 1))[:2]
    content = rates[: round(height * scale_h), : round(width * scale_w)]
    if sample.get('flip'):
        axes = {'horizontal': [1], 'vertical': [0], 'diagonal': [0, 1]}[sample.flip_direction]
        content = content.flip(axes)
    return resize(content[None], (height, width))[0]
