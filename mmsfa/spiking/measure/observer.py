"""Watch a model run: its neurons, the layers they feed, the products of spikes with spikes."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import partial

from torch import Tensor, nn

from mmsfa.layers import RepConv
from mmsfa.layers.attention import SpikeProduct
from mmsfa.layers.effective_weight import Multiplies
from mmsfa.neurons import SpikingNeuron

from .emission import Emission

Synapse = Multiplies | RepConv  # what spikes can arrive at
OnNeuron = Callable[[str, SpikingNeuron, Tensor], None]
OnSynapse = Callable[[str, Synapse, Tensor, Tensor], None]
OnProduct = Callable[[str, SpikeProduct, tuple[Tensor, ...]], None]


def neurons_of(model: nn.Module) -> dict[str, SpikingNeuron]:
    """The spiking neurons of a model by name."""
    return {name: m for name, m in model.named_modules() if isinstance(m, SpikingNeuron)}


def synapses_of(model: nn.Module) -> dict[str, Multiplies]:
    """The layers of a model that spikes can arrive at: convolutions and linear layers."""
    return {name: m for name, m in model.named_modules() if isinstance(m, Multiplies)}


def merged_synapses_of(model: nn.Module) -> dict[str, Synapse]:
    """As :func:`synapses_of`, with each RepConv as the one layer that it is at inference."""
    merged = {name: m for name, m in model.named_modules() if isinstance(m, RepConv)}
    inside = {layer for rep in merged.values() for layer in rep.modules()}
    plain = {name: m for name, m in synapses_of(model).items() if m not in inside}
    return {**plain, **merged}


def products_of(model: nn.Module) -> dict[str, SpikeProduct]:
    """The weight-less operations on spikes, by the name of the attention or gate they belong to.

    One that shares its owner with others has its own name.
    """
    found = {name: m for name, m in model.named_modules() if isinstance(m, SpikeProduct)}
    owners = Counter(name.rpartition('.')[0] for name in found)
    named = {}
    for name, product in found.items():
        owner = name.rpartition('.')[0]
        named[owner if owner and owners[owner] == 1 else name] = product
    return named


@contextmanager
def instance_attribute(target: object, name: str, value: object) -> Iterator[None]:
    """Put something in the place of an attribute or method of a module for a while.

    Args:
        target: A layer or model, or a module of Python.
        name: Of the attribute.
        value: What stands there meanwhile.
    """
    known, before = name in vars(target), vars(target).get(name)
    setattr(target, name, value)
    try:
        yield
    finally:
        if known:
            setattr(target, name, before)
        else:
            delattr(target, name)


_paused: ContextVar[bool] = ContextVar('observation_paused', default=False)


@contextmanager
def observation_paused() -> Iterator[None]:
    """No calls back for a while: the passes of a simulation before its last one."""
    token = _paused.set(True)
    try:
        yield
    finally:
        _paused.reset(token)


@contextmanager
def observe(
    model: nn.Module,
    neuron: OnNeuron | None = None,
    synapse: OnSynapse | None = None,
    product: OnProduct | None = None,
    attention: OnProduct | None = None,
) -> Iterator[None]:
    """Call back at every neuron, layer and product of spikes while the context is open.

    Nothing is kept here. `Emission.of(x)` tells in ``synapse`` whether the input is spikes.

    Args:
        model: Any model.
        neuron: Gets name, neuron and its output (counts / norm).
        synapse: Gets name, convolution, linear layer or RepConv, its input and its output.
        product: Gets name, product and its inputs.
        attention: The old name of ``product``.
    """
    if attention is not None:
        warnings.warn('attention of observe is now product.', DeprecationWarning, stacklevel=3)
        product = attention
    with ExitStack() as stack:

        def watch(module: nn.Module, hook: Callable) -> None:
            handle = module.register_forward_hook(hook, with_kwargs=True)
            stack.callback(handle.remove)

        for name, module in neurons_of(model).items():
            watch(module, partial(_fired, name, neuron))
        if synapse is not None:
            for name, layer in merged_synapses_of(model).items():
                watch(layer, partial(_received, name, synapse))
        for name, operation in products_of(model).items():
            if product or operation.emitter is not None:
                watch(operation, partial(_multiplied, name, product))
        yield


def _fired(
    name: str,
    call: OnNeuron | None,
    neuron: SpikingNeuron,
    _args: tuple,
    _kwargs: dict,
    output: Tensor,
) -> None:
    Emission.at(neuron, output)
    if call and not _paused.get():
        call(name, neuron, output)


def _received(
    name: str, call: OnSynapse, layer: Synapse, args: tuple, kwargs: dict, output: Tensor
) -> None:
    if not _paused.get():
        call(name, layer, args[0] if args else kwargs['input'], output)


def _multiplied(
    name: str,
    call: OnProduct | None,
    product: SpikeProduct,
    args: tuple[Tensor, ...],
    _kwargs: dict,
    output: Tensor,
) -> None:
    if product.emitter is not None:
        Emission.at(product.emitter, output)
    if call and not _paused.get():
        call(name, product, args)
