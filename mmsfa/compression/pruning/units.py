"""The units of a model that can be pruned: channels that go together, and what stays and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from mmsfa.layers import RepConv
from mmsfa.neurons import SpikingNeuron

from .narrow import is_depthwise
from .tracing import POOLS, Traced, is_extractor


class Member(NamedTuple):
    """A module that the channels of a unit run through.

    Attributes:
        name: In the model.
        channels: Its own numbers of those channels.
        of: The channel of the unit that each of them is; behind a flattened map several are one.
    """

    name: str
    channels: list[int]
    of: list[int]


@dataclass
class Unit:
    """Channels that can only go together.

    Attributes:
        name: Of the first layer that gives them.
        width: Their number.
        heads: Equal parts that must keep the same number each.
        producers: Layers that give them.
        consumers: Layers that read them.
        through: Norms, depthwise convolutions and scales that work on each channel by itself.
        neurons: What fires on them.
        pools: Max poolings of the spikes of those neurons.
        product: The attention product that reads them as queries and keys.
        reason: Why they stay; None where they can be pruned.
    """

    name: str
    width: int
    heads: int = 1
    producers: list[Member] = field(default_factory=list)
    consumers: list[Member] = field(default_factory=list)
    through: list[Member] = field(default_factory=list)
    neurons: list[Member] = field(default_factory=list)
    pools: list[Member] = field(default_factory=list)
    product: str | None = None
    reason: str | None = None


def units_of(model: nn.Module, traced: Traced, shared: bool = False) -> list[Unit]:
    """Every unit of a model, those that stay with the reason.

    Args:
        model: The model that was traced.
        traced: See :func:`~mmsfa.compression.pruning.tracing.trace`.
        shared: Whether widths that several layers give together, such as those of shortcuts and of
            pyramids, are pruned as well.
    """
    names = {module: name for name, module in model.named_modules()}
    parameters = {id(parameter): name for name, parameter in model.named_parameters()}
    hidden = {
        f'{name}.conv1.conv'
        for name, module in model.named_modules()
        if isinstance(module, RepConv) and hasattr(module, 'conv1')
    }
    order = {name: number for number, name in enumerate(names.values())}
    graph, found = traced.graph, []
    seen: set[str] = set()
    for module in list(graph.module2node):
        if not isinstance(module, (_ConvNd, nn.Linear)) or module not in names:
            continue
        if names[module] in seen or is_depthwise(module):
            continue
        width = _width(module)
        pruner = graph.get_pruner_of_module(module)
        group = graph.get_pruning_group(module, pruner.prune_out_channels, list(range(width)))
        unit = _read(group, graph, names, parameters, traced)
        seen.update(member.name for member in unit.producers)
        first = min((one.name for one in unit.producers), key=order.__getitem__, default='')
        unit.name, unit.width = first or names[module], width
        unit.reason = unit.reason or _reason(unit, model, shared, hidden)
        found.append(unit)
    return sorted(found, key=lambda unit: order[unit.name])


def _width(layer: Any) -> int:
    return layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels


def _read(
    group: Any,
    graph: Any,
    names: dict[nn.Module, str],
    parameters: dict[int, str],
    traced: Traced,
) -> Unit:
    """Sort the members of a group of torch-pruning."""
    unit, outputs = Unit('', 0), 0
    kind: list[Member] | None
    for item in group:
        node, handler = item.dep.target, item.dep.handler
        module = node.module
        if isinstance(module, nn.Parameter):
            kind, name = unit.through, parameters.get(id(module), '')
            if module.squeeze().dim() != 1:
                unit.reason = unit.reason or f'{name} has several axes'
        elif module not in names:
            outputs += type(module).__name__ == '_OutputOp'
            continue
        else:
            name = names[module]
            kind = _kind(unit, module, node, graph.is_out_channel_pruning_fn(handler))
        if kind is None:
            mixes = f'{name} ({type(module).__name__}) does not treat each channel by itself'
            unit.reason = unit.reason or mixes
            continue
        kind.append(Member(name, list(item.idxs), _roots(item)))
        if module in traced.heads:
            unit.heads = traced.heads[module]
        if module in traced.pairs:
            unit.product = names[traced.pairs[module]]
    if outputs > (unit.product is not None):
        or_product = ', or a product that cannot be followed' if unit.neurons else ''
        unit.reason = f'it gives an output of the model{or_product}'
    return unit


def _roots(item: Any) -> list[int]:
    """The channel of the unit behind each index."""
    roots = item.root_idxs or item.idxs
    return [index if root is None else root for root, index in zip(roots, item.idxs, strict=True)]


def _kind(unit: Unit, module: nn.Module, node: Any, gives: bool) -> list[Member] | None:
    if isinstance(module, SpikingNeuron):
        return unit.neurons
    if isinstance(module, POOLS):
        fired = any(isinstance(one.module, SpikingNeuron) for one in node.inputs)
        return unit.pools if fired else []
    if isinstance(module, _BatchNorm) or is_depthwise(module) or is_extractor(module):
        return unit.through
    if isinstance(module, nn.Linear) or (isinstance(module, _ConvNd) and module.groups == 1):
        return unit.producers if gives else unit.consumers
    return None


def _reason(unit: Unit, model: nn.Module, shared: bool, hidden: set[str]) -> str | None:
    """Why a unit stays that nothing else keeps."""
    for member in [*unit.producers, *unit.consumers, *unit.through]:
        if not _fits(member, unit, model):
            return f'its channels cannot be followed to {member.name}'
    if unit.name in hidden:
        return 'it vanishes when its RepConv is merged'
    if not unit.consumers and unit.product is None:
        return 'no layer reads it'
    several = len(unit.producers) > 1 and unit.product is None
    if several and not shared:
        return f'{len(unit.producers)} layers give it together'
    if unit.width % unit.heads:
        return f'its heads ({unit.heads}) are of different widths'
    return None


def _fits(member: Member, unit: Unit, model: nn.Module) -> bool:
    """Whether each channel has a place of its own in a module."""
    owner: Any = model
    for part in member.name.split('.'):
        owner = getattr(owner, part)
    if member in unit.consumers:
        size = owner.in_features if isinstance(owner, nn.Linear) else owner.in_channels
        whole = True
    elif member in unit.producers:
        size, whole = _width(owner), sorted(member.channels) == list(range(unit.width))
        whole = whole and size == unit.width
    else:
        size, whole = _number(owner), True
    inside = all(0 <= channel < size for channel in member.channels)
    return whole and inside and set(member.of) == set(range(unit.width))


def _number(owner: Any) -> int:
    if isinstance(owner, nn.Parameter):
        return owner.numel()
    return owner.num_features if isinstance(owner, _BatchNorm) else owner.out_channels
