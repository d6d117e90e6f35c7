"""What a pruning leaves: which channels of which modules, to remove the others or to mask them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import Tensor, nn

from .narrow import Kept, as_tensor, widths_of
from .units import Member, Unit


@dataclass
class Plan:
    """What a pruning does to a model.

    Attributes:
        kept: Channels that stay of each unit that becomes narrower, by its name.
        full: Number of channels that each of those has now.
        modules: What stays of each module.
        products: Queries and keys that stay of each attention product, heads after each other.
        stay: Why the other units stay as they are, by their names.
    """

    kept: dict[str, list[int]] = field(default_factory=dict)
    full: dict[str, int] = field(default_factory=dict)
    modules: dict[str, Kept] = field(default_factory=dict)
    products: dict[str, list[int]] = field(default_factory=dict)
    stay: dict[str, str] = field(default_factory=dict)


def plan_of(model: nn.Module, units: list[Unit], kept: Mapping[str, list[int]]) -> Plan:
    """From the channels of units to those of all modules that they run through.

    Args:
        model: The model that the units are of.
        units: All of them.
        kept: Channels that stay of the units that become narrower.
    """
    plan = Plan(kept=dict(kept))
    gone: dict[str, tuple[set[int], set[int]]] = {}  # given, read
    for unit in units:
        if unit.name not in kept:
            continue
        plan.full[unit.name] = unit.width
        removed = set(range(unit.width)) - set(kept[unit.name])
        for member in [*unit.producers, *unit.through]:
            gone.setdefault(member.name, (set(), set()))[0].update(_of(member, removed))
        for member in unit.consumers:
            gone.setdefault(member.name, (set(), set()))[1].update(_of(member, removed))
        if unit.product is not None:
            plan.products[unit.product] = list(kept[unit.name])
    sizes = widths_of(model, list(gone))
    for name, (outs, ins) in gone.items():
        plan.modules[name] = Kept(_rest(outs, sizes[name][0]), _rest(ins, sizes[name][-1]))
    return plan


def _of(member: Member, removed: set[int]) -> set[int]:
    pairs = zip(member.channels, member.of, strict=True)
    return {channel for channel, root in pairs if root in removed}


def _rest(gone: set[int], size: int) -> list[int] | None:
    return [channel for channel in range(size) if channel not in gone] if gone else None


@contextmanager
def masked(model: nn.Module, plan: Plan) -> Iterator[None]:
    """Set the channels that a plan removes to 0 where layers read them, for a while.

    The model then gives what the narrow one gives: behind the neuron, not behind the weights, where
    a bias or a norm would bring them back.

    Args:
        model: The model at its full width.
        plan: Of this model.
    """
    with ExitStack() as stack:
        for name, channels in plan.modules.items():
            if channels.ins is not None:
                hook = partial(_mask_input, channels.ins)
                layer = model.get_submodule(name)
                stack.callback(layer.register_forward_pre_hook(hook).remove)
        for name, stay in plan.products.items():
            hook = partial(_mask_pair, stay)
            stack.callback(model.get_submodule(name).register_forward_pre_hook(hook).remove)
        yield


def _mask_input(stay: list[int], layer: nn.Module, args: tuple[Tensor, ...]) -> tuple[Any, ...]:
    x = args[0]
    axis = -1 if isinstance(layer, nn.Linear) else 1
    shape = [1] * x.dim()
    shape[axis] = x.shape[axis]
    return (x * as_tensor(stay, x.shape[axis], x).view(shape), *args[1:])


def _mask_pair(stay: list[int], product: nn.Module, args: tuple[Tensor, ...]) -> tuple[Any, ...]:
    q, k, *others = args
    mask = as_tensor(stay, q.shape[1] * q.shape[2], q).view(1, q.shape[1], q.shape[2], 1)
    return (q * mask, k * mask, *others)
