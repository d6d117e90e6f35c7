"""Plots of firing rates, spike counts and energy; legible without colour vision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmsfa.spiking.measure.stages import by_stage, in_model_order

WIDTH = 10.0  # inches
DPI = 200  # the page shows the plots at half their size: sharp on any screen
# Wong, "Points of view: Color blindness", Nature Methods 8 (2011), without black and yellow
COLOURS = ('#0072B2', '#E69F00', '#009E73', '#D55E00', '#56B4E9', '#CC79A7')
PAIRS = ('#0072B2', '#A9D0E8', '#D55E00', '#F5C9A3')  # spiking and ordinary, of two models


def by_depth(neurons: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Neuron layers stage by stage, each stage as it came."""
    order = in_model_order(dict.fromkeys(one['stage'] for one in neurons))
    return sorted(neurons, key=lambda one: order.index(one['stage']))


def firing_rate_by_depth(
    neurons: Sequence[dict[str, Any]], title: str = 'Firing rate of each neuron layer'
) -> Figure:
    """A bar for each neuron layer, a colour for each stage.

    Args:
        neurons: Rows with ``stage`` and ``firing_rate``.
        title: Above the plot.
    """
    figure, axes = _plot(3.6)
    neurons = by_depth(neurons)
    stages = list(dict.fromkeys(one['stage'] for one in neurons))
    for i, stage in enumerate(stages):
        places = [x for x, one in enumerate(neurons) if one['stage'] == stage]
        rates = [neurons[x]['firing_rate'] for x in places]
        axes.bar(
            places,
            rates,
            width=0.9,
            color=COLOURS[i % len(COLOURS)],
            hatch='' if i < len(COLOURS) else '///',  # more stages than colours
            edgecolor='white',
            linewidth=0.3,
            label=stage,
        )
    _describe(axes, len(neurons), title, 'mean count / D')
    axes.legend(fontsize=8, ncols=3, frameon=False)
    axes.set_ylim(0, 1.3 * max([one['firing_rate'] for one in neurons] + [1e-3]))  # legend
    return figure


def count_histograms(neurons: Sequence[dict[str, Any]]) -> Figure:
    """For each neuron layer the shares of its outputs that emit 1, 2, ... D spikes.

    Args:
        neurons: Rows with ``stage``, ``D`` and ``histogram``.
    """
    figure, axes = _plot(3.4)
    neurons = by_depth(neurons)
    levels = max((one['D'] for one in neurons), default=1)
    below = np.zeros(len(neurons))
    for level in range(1, levels + 1):
        shares = np.array([[*one['histogram'], *[0] * levels][level] for one in neurons])
        colour = colormaps['viridis_r']((level - 0.5) / levels)
        axes.bar(range(len(neurons)), shares, 0.9, below, color=colour, label=f'{level}')
        below += shares
    _describe(axes, len(neurons), 'Spike counts of each neuron layer', 'share of its outputs')
    axes.set_ylim(0, min(1.0, 1.25 * max(below, default=1) + 1e-3))
    axes.legend(title='spikes', fontsize=8, title_fontsize=8, ncols=levels, frameon=False)
    return figure


def energy_by_stage(reports: dict[str, dict[str, Any]]) -> Figure:
    """Energy of each stage as spiking and as ordinary network, of one model or two.

    Args:
        reports: One or two reports of `mmsfa.apis.measure.measure` by the name to show.
    """
    figures: dict[str, dict[str, float]] = {}  # series -> stage -> mJ
    for name, report in reports.items():
        for kind, key in (('spiking', 'energy_mj'), ('ordinary network', 'ann_energy_mj')):
            layers = {one['name']: one[key] for one in report['operations']}
            figures[f'{name}, {kind}'] = by_stage(layers)
    stages = list(dict.fromkeys(stage for series in figures.values() for stage in series))
    figure, axes = _plot(1.1 + 0.24 * len(stages) * len(figures))
    highest = max([value for series in figures.values() for value in series.values()] + [1e-12])
    thickness = 0.82 / len(figures)
    for i, ((name, series), colour) in enumerate(zip(figures.items(), PAIRS, strict=False)):
        places = np.arange(len(stages)) + (i - (len(figures) - 1) / 2) * thickness
        values = [series.get(stage, 0.0) for stage in stages]
        bars = axes.barh(places, values, thickness * 0.92, color=colour, label=name)
        labels = [f'{series[stage]:.3g}' if stage in series else '' for stage in stages]
        axes.bar_label(bars, labels, padding=3, fontsize=7.5)
    axes.set(yticks=range(len(stages)), yticklabels=stages, xlim=(0, 1.08 * highest))
    axes.set_xlabel('energy for one picture (mJ)', fontsize=9)
    axes.set_title('Energy by stage', loc='left', fontsize=11)
    axes.invert_yaxis()
    axes.grid(axis='x', alpha=0.3)
    figure.legend(loc='outside lower center', fontsize=8, ncols=2, frameon=False)
    return figure


def _plot(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, layout='constrained')
    axes = figure.subplots()
    axes.spines[['top', 'right']].set_visible(False)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8.5)
    return figure, axes


def _describe(axes: Axes, layers: int, title: str, ylabel: str) -> None:
    axes.set_title(title, loc='left', fontsize=11)
    axes.set_xlabel(f'neuron layer, by depth ({layers} layers)', fontsize=9)
    axes.set_ylabel(ylabel, fontsize=9)
    axes.margins(x=0.01)
    axes.grid(axis='y', alpha=0.3)
