"""Which gradients of a training step are zero, and what operations the others set off."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

import torch
from mmcv.cnn.bricks import HSigmoid, HSwish, Swish
from torch import Tensor, nn

from mmsfa.layers import RepConv
from mmsfa.layers.attention import SpikeProduct
from mmsfa.layers.effective_weight import effective_weight
from mmsfa.neurons import SpikingNeuron

from .emission import Emission
from .energy import EnergyCosts
from .fan_out import additions, macs
from .observer import Synapse, merged_synapses_of, observe, products_of
from .totals import Totals

# What PyTorch and mmcv have between layers, and works on each element by itself.
_TORCH = """
ReLU ReLU6 LeakyReLU PReLU RReLU ELU SELU CELU GELU SiLU Mish Sigmoid Tanh Hardswish Hardsigmoid
Hardtanh Softplus
"""
ACTIVATIONS = (*(getattr(nn, name) for name in _TORCH.split()), HSigmoid, HSwish, Swish)


class Step(NamedTuple):
    """What the layers of one training step, or several, have done.

    Attributes:
        macs: Multiply-accumulates of an ordinary step: forward, gradients of inputs and of weights.
        analog_macs: Those that remain, where a real value meets a weight or a gradient one.
        acs: Additions that spikes set off: of weights in forward, of gradients in backward.
    """

    macs: float = 0.0
    analog_macs: float = 0.0
    acs: float = 0.0

    def energy_mj(self, costs: EnergyCosts) -> float:
        """Millijoule with what is left out where spikes or gradients are zero."""
        return costs.spiking_mj(self.analog_macs, self.acs)

    def dense_mj(self, costs: EnergyCosts) -> float:
        """Millijoule with a multiply-accumulate for everything."""
        return costs.ordinary_mj(self.macs)


class BackwardCounter:
    r"""Counts the gradients that are not zero, of each activation and layer, while a model trains.

    The gradient of an activation (`SpikingNeuron`, ReLU and others) is that by its input, through
    this call alone; that of a convolution, linear layer or product of spikes is the one by its
    output. From the latter follow the operations of backward: of M multiply-accumulates in forward

    - M times the share that is not zero for the gradient of the input, if it gets one,
    - as many for the gradient of the weights, if they learn. Where spikes arrive these are
      additions: those of forward times the share, as if spikes and gradients met by chance.

    A product of spikes has two such gradients, both counted as multiply-accumulates. Not counted
    are norms, biases, residual additions, losses and the optimizer's step, and what is neither
    convolution, linear layer nor product. Recomputed layers (``with_cp``) count their forward pass
    twice, as they run it.

    Values and gradients of the model stay as they are, to the last bit; each activation gets a
    copy of its input.

    Args:
        model: Any model.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        kinds = (SpikingNeuron, *ACTIVATIONS)
        self.activations = {n: m for n, m in model.named_modules() if isinstance(m, kinds)}
        layers = [*merged_synapses_of(model), *products_of(model)]
        self.gradients = Totals([*self.activations, *layers], width=2)  # not zero, all
        self.operations = Totals(layers, width=3)
        self._open = ExitStack()

    def attach(self) -> None:
        """Start counting."""
        self.detach()
        for name, module in self.activations.items():
            hook = module.register_forward_pre_hook(partial(self._entered, name))
            self._open.callback(hook.remove)
        for name, product in products_of(self.model).items():
            hook = product.register_forward_hook(partial(self._multiplied, name))
            self._open.callback(hook.remove)
        self._open.enter_context(observe(self.model, synapse=self._received))

    def detach(self) -> None:
        """Stop counting; the model is as it was before."""
        self._open.close()

    def shares(self) -> dict[str, float]:
        """The share of gradients that are not zero, of each activation and layer that had any.

        Activations come first, then layers; summed over all ranks.
        """
        totals = self.gradients.over_all_ranks()
        return {name: found / all_ for name, (found, all_) in totals.items() if all_}

    def share_of_activations(self) -> float | None:
        """As :meth:`shares`, of all activations together; None without any."""
        totals = self.gradients.over_all_ranks()
        sums = [totals[name] for name in self.activations if totals[name][1]]
        return sum(n for n, _ in sums) / sum(n for _, n in sums) if sums else None

    def step(self) -> Step:
        """The operations of all layers, summed over all ranks."""
        rows = self.operations.over_all_ranks().values()
        return Step(*(sum(column) for column in zip(*rows, strict=True)))

    def _entered(self, name: str, _: nn.Module, inputs: tuple) -> tuple | None:
        x = inputs[0] if inputs else None
        if not (isinstance(x, Tensor) and x.requires_grad and torch.is_grad_enabled()):
            return None
        # Others read the tensor, too; and it is no view, which an activation may not overwrite.
        own = x.clone()
        own.register_hook(partial(self._came_back, name))
        return (own, *inputs[1:])

    def _came_back(self, name: str, grad: Tensor) -> None:
        self.gradients.add(name, grad.count_nonzero().double(), float(grad.numel()))

    @torch.no_grad()
    def _received(self, name: str, layer: Synapse, x: Tensor, output: Tensor) -> None:
        dense = float(macs(layer, x, output))
        emission = Emission.of(x)
        if emission is not None and not (isinstance(layer, RepConv) or _tells(layer)):
            emission = None  # it may do anything with them
        spikes = None if emission is None else additions(layer, emission, x, output)
        if spikes is None:
            self.operations.add(name, dense, dense, 0.0)
        else:
            self.operations.add(name, dense, 0.0, spikes)
        learns = any(w.requires_grad and w.dim() > 1 for w in layer.parameters())
        back = partial(self._layer_came_back, name, dense, spikes, x.requires_grad, learns)
        if output.requires_grad:
            output.register_hook(back)

    def _layer_came_back(
        self,
        name: str,
        dense: float,
        spikes: Tensor | None,
        to_input: bool,
        to_weight: bool,
        grad: Tensor,
    ) -> None:
        self._came_back(name, grad)
        share = grad.count_nonzero().double() / max(grad.numel(), 1)
        both = dense * (to_input + to_weight)
        if spikes is None:
            self.operations.add(name, both, both * share, 0.0)
        else:
            self.operations.add(name, both, dense * to_input * share, spikes * to_weight * share)

    def _multiplied(self, name: str, product: SpikeProduct, inputs: tuple, output: Tensor) -> None:
        with torch.no_grad():
            dense = float(product.macs(*inputs))
            if product.gets_spikes:
                self.operations.add(name, dense, 0.0, product.additions(*inputs))
            else:
                self.operations.add(name, dense, dense, 0.0)
        if output.requires_grad:
            output.register_hook(partial(self._layer_came_back, name, dense, None, True, True))


def _tells(layer: nn.Module) -> bool:
    return effective_weight(layer) is not None
