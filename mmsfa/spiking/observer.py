"""Watch a model run: its neurons, the layers they feed, the attention products."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from mmsfa.layers import SpikeDrivenSelfAttention
from mmsfa.neurons import SpikingNeuron

from .emission import Emission

OnNeuron = Callable[[str, SpikingNeuron, Tensor], None]
OnSynapse = Callable[[str, nn.Module, Tensor, Tensor], None]
OnAttention = Callable[[str, SpikeDrivenSelfAttention, Tensor, Tensor, Tensor], None]


def neurons_of(model: nn.Module) -> dict[str, SpikingNeuron]:
    """The spiking neurons of a model by name."""
    return {name: m for name, m in model.named_modules() if isinstance(m, SpikingNeuron)}


def synapses_of(model: nn.Module) -> dict[str, nn.Module]:
    """The layers of a model that spikes can arrive at: convolutions and linear layers."""
    return {name: m for name, m in model.named_modules() if isinstance(m, (_ConvNd, nn.Linear))}


def attentions_of(model: nn.Module) -> dict[str, SpikeDrivenSelfAttention]:
    """The spike-driven attentions of a model by name."""
    found = model.named_modules()
    return {name: m for name, m in found if isinstance(m, SpikeDrivenSelfAttention)}


@contextmanager
def instance_method(target: nn.Module, name: str, method: Callable) -> Iterator[None]:
    """Put a method in the place of a module's own for a while."""
    before = vars(target).get(name)
    setattr(target, name, method)
    try:
        yield
    finally:
        if before is None:
            delattr(target, name)
        else:
            setattr(target, name, before)


@contextmanager
def observe(
    model: nn.Module,
    neuron: OnNeuron | None = None,
    synapse: OnSynapse | None = None,
    attention: OnAttention | None = None,
) -> Iterator[None]:
    """Call back at every neuron, layer and attention product while the context is open.

    Nothing is kept here. `Emission.of(x)` tells in ``synapse`` whether the input is spikes.

    Args:
        model: Any model.
        neuron: Gets name, neuron and its output (counts / norm).
        synapse: Gets name, convolution or linear layer, its input and its output.
        attention: Gets name, attention module and q, k, v, each (B, heads, channels, N).
    """
    with ExitStack() as stack:
        for name, module in neurons_of(model).items():
            handle = module.register_forward_hook(partial(_fired, name, neuron))
            stack.callback(handle.remove)
        for name, module in synapses_of(model).items() if synapse else ():
            handle = module.register_forward_hook(partial(_received, name, synapse))
            stack.callback(handle.remove)
        for name, module in attentions_of(model).items() if attention else ():
            watched = partial(_attended, name, attention, module, module.attend)
            stack.enter_context(instance_method(module, 'attend', watched))
        yield


def _fired(
    name: str, call: OnNeuron | None, neuron: SpikingNeuron, _inputs: tuple, output: Tensor
) -> None:
    if Emission.of(output) is None:  # a spike-driven pass has marked it already
        Emission(neuron, output)
    if call:
        call(name, neuron, output)


def _received(
    name: str, call: OnSynapse, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor
) -> None:
    call(name, layer, inputs[0], output)


def _attended(
    name: str,
    call: OnAttention,
    module: SpikeDrivenSelfAttention,
    attend: Callable[..., Tensor],
    q: Tensor,
    k: Tensor,
    v: Tensor,
) -> Tensor:
    call(name, module, q, k, v)
    return attend(q, k, v)
