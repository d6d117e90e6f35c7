"""Prune a model: score its channels, remove the lowest, keep what cannot go."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from mmsfa.neurons import SpikingNeuron
from mmsfa.spike_times.layers import refuse_spike_times

from .collect import Run, ScoreCollector, collect, run_tensors
from .criteria import NEED_DATA, Site, check_criterion, weight_scores
from .narrow import freeze_scales, narrow
from .plan import Plan, masked, plan_of
from .tracing import outputs_of, trace
from .units import Unit, units_of
from .widths import PruningError, Rounding, kept_channels, ratios_of, width_after

# What a sum over fewer channels may round otherwise; a spike that flips gives more.
_SAME = 1e-6


def plan_pruning(
    model: nn.Module,
    image: Tensor,
    ratio: float,
    criterion: str = 'svs',
    batches: Iterable[Any] | None = None,
    *,
    layers: Mapping[str, float] | None = None,
    shared: bool = False,
    rounding: Rounding = 'code',
    site: Site = 'neuron',
    max_size: int | None = 64,
    seed: int = 0,
    run: Run = run_tensors,
    total: int | None = None,
) -> Plan:
    """Choose the channels of a model that stay.

    Args:
        model: A model of mmdet, mmseg or mmpretrain, or any other, in evaluation mode.
        image: (1, C, H, W), for the trace; where a layer reads a flattened map, of the size that
            the model is for.
        ratio: Share of the channels of each layer that goes.
        criterion: ``'svs'``, ``'sca'``, ``'l1'``, ``'bn_gamma'`` or ``'random'``, see
            :mod:`~mmsfa.compression.pruning.criteria`.
        batches: For ``'svs'`` and ``'sca'``, whose scores come from data.
        layers: Ratios by name or pattern, over ``ratio``.
        shared: Whether the widths of shortcuts and pyramids are pruned, too.
        rounding: See :func:`~mmsfa.compression.pruning.widths.width_after`.
        site: Where a max pooling follows a neuron, ``'neuron'`` scores the neuron's own map, and
            ``'pooled'`` the pooled one, as the released code does.
        max_size: Larger maps are averaged down to this many rows and columns for `svs`.
        seed: Of ``'random'``.
        run: Runs the model on a batch.
        total: Number of batches, for the progress bar.

    Raises:
        PruningError: A setting is wrong or would empty a layer, or nothing can be pruned.
        SpikeTimeError: It is a network of spike times.
        StackError: torch-pruning is not installed.
    """
    check_criterion(criterion, site)
    if max_size is not None and max_size < 1:
        raise PruningError(f'max_size must be at least 1 row and column, got {max_size}.')
    ratios_of((), ratio)
    refuse_spike_times(model, 'be pruned')
    units = units_of(model, trace(model, image), shared)
    free = [unit for unit in units if unit.reason is None]
    if not free:
        raise PruningError(f'No layer of {type(model).__name__} has channels that can be pruned.')
    ratios = ratios_of([unit.name for unit in free], ratio, layers)
    widths = {unit.name: _width(unit, ratios[unit.name], rounding) for unit in free}
    chosen = [unit for unit in free if widths[unit.name] < unit.width]
    stay = {unit.name: str(unit.reason) for unit in units if unit.reason is not None}
    if criterion in NEED_DATA:
        if batches is None:
            raise PruningError(f'criterion={criterion!r} scores spikes: it needs batches of data.')
        collector = ScoreCollector(model, chosen, criterion, site, max_size)
        scores = collect(collector, batches, run, total)
    else:
        generator = torch.Generator().manual_seed(seed)
        drawn = {one.name: weight_scores(model, one, criterion, generator) for one in chosen}
        scores = {name: found for name, found in drawn.items() if found is not None}
    if chosen and not scores:
        raise PruningError(
            'No layer could be scored: '
            + (
                "none has a BN behind it; take 'l1'."
                if criterion == 'bn_gamma'
                else 'no data came.'
            )
        )
    kept = {
        unit.name: kept_channels(scores[unit.name], widths[unit.name], unit.heads)
        for unit in chosen
        if unit.name in scores
    }
    plan = plan_of(model, units, kept)
    plan.stay.update(stay)
    missing = 'it has no BN' if criterion == 'bn_gamma' else 'it did not run'
    plan.stay.update({one.name: missing for one in chosen if one.name not in scores})
    plan.stay.update({one.name: 'as asked' for one in free if one not in chosen})
    return plan


def _width(unit: Unit, ratio: float, rounding: Rounding) -> int:
    per_head = unit.width // unit.heads
    left = width_after(per_head, ratio, rounding)
    if left == 0:
        where = f'each of the {unit.heads} heads of {unit.name}' if unit.heads > 1 else unit.name
        raise PruningError(
            f'A ratio of {ratio} leaves none of the {per_head} channels of {where}: give it a '
            f'smaller one ({_keeps(unit.name)} keeps all).'
        )
    return left * unit.heads


def _keeps(name: str) -> str:
    return f"--layers '{name}=0', in Python layers={{'{name}': 0}},"


def apply_plan(model: nn.Module, plan: Plan, fixed_scales: bool = True) -> nn.Module:
    """Remove what a plan removes, in place.

    Args:
        model: The model of the plan.
        plan: See :func:`plan_pruning`.
        fixed_scales: Keep the scales of quantised layers as they are. A scale that is a mean over
            the inputs of a filter, as that of ReScaW, is another one without those that go, and the
            narrow model would not compute what the masked one does. False lets it follow the
            weights, as the released code does.

    Returns:
        The model.
    """
    if fixed_scales:
        freeze_scales(model, list(plan.modules))
    return narrow(model, plan.modules)


@torch.no_grad()
def check_plan(model: nn.Module, narrowed: nn.Module, plan: Plan, image: Tensor) -> None:
    """Refuse a narrow model that does not compute what the masked one does.

    Args:
        model: At its full width, float64, in evaluation mode.
        narrowed: The narrow copy of it.
        plan: Of the model.
        image: (1, C, H, W), float64.

    Raises:
        PruningError: The channels of a layer were followed wrongly.
    """
    with masked(model, plan), _counting_silent(model) as silent:
        wanted = outputs_of(model, image)
    try:
        found = outputs_of(narrowed, image)
        same = all(
            a.shape == b.shape and bool(((a - b).abs() <= _SAME * (1 + b.abs().max())).all())
            for a, b in zip(found, wanted, strict=True)
        )
    except RuntimeError:  # shapes that do not fit
        same = False
    if not same:
        raise PruningError(
            f'{type(model).__name__} mixes channels in a way that cannot be followed: without the '
            'chosen channels it does not give what it gives with them silenced. Leave such parts '
            f'out: give them the ratio 0 by name ({_keeps("backbone.*").rstrip(",")}).'
        )
    if 2 * sum(silent.values()) > len(silent):
        warnings.warn(
            f'{sum(silent.values())} of {len(silent)} neuron layers fired nothing on the picture '
            'of the check, so it says little about what follows them: is the model trained, and '
            'does the config normalise its pictures as in training?',
            stacklevel=2,
        )


@contextmanager
def _counting_silent(model: nn.Module) -> Iterator[dict[str, bool]]:
    """Note of each neuron layer that runs meanwhile whether it never fires."""
    silent: dict[str, bool] = {}
    with ExitStack() as stack:
        for name, module in model.named_modules():
            if isinstance(module, SpikingNeuron):
                handle = module.register_forward_hook(partial(_note, silent, name))
                stack.callback(handle.remove)
        yield silent


def _note(silent: dict[str, bool], name: str, module: nn.Module, args: object, out: Tensor) -> None:
    silent[name] = silent.get(name, True) and not bool(out.any())
