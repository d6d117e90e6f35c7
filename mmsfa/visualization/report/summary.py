"""The figures by which a spiking model is judged first, and numbers as people read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

Report = dict[str, Any]  # what mmsfa.apis.measure.measure gives
# Of a model without convolutions and linear layers, where 0 mJ would be a lie.
NO_LAYER = 'not counted: see the remarks'


def name_of(report: Report) -> str:
    """A short name of the model: that of its config file."""
    return Path(report['config']['path']).stem


def names_of(reports: list[Report]) -> list[str]:
    """A name for each model; several are numbered, as they may share a config."""
    if len(reports) == 1:
        return [name_of(reports[0])]
    return [f'{i}: {name_of(report)}' for i, report in enumerate(reports, start=1)]


def summary(report: Report) -> dict[str, str]:
    """Title and value of each headline figure."""
    total = report['totals'][-1]
    channels = sum(one['channels'] for one in report['neurons'])
    dead = sum(one['dead_channels'] for one in report['neurons'])
    energy, ordinary = total['energy_mj'], total['ann_energy_mj']
    return {
        'energy for one picture': f'{millijoule(energy)} mJ' if ordinary else NO_LAYER,
        'the ordinary network': f'{millijoule(ordinary)} mJ' if ordinary else NO_LAYER,
        'ordinary / spiking': f'{ordinary / energy:.2f}' if energy else '–',
        'mean firing rate': rate(total['firing_rate']),
        'dead channels': f'{dead} of {channels}'
        + (f' ({dead / channels:.1%})' if channels else ''),
        'parameters': f'{total["params"] / 1e6:.2f} M',
    }


def millijoule(value: float) -> str:
    """Three significant digits, never as a power of ten above a thousandth."""
    return f'{value:.0f}' if value >= 100 else f'{value:#.3g}'


def rate(value: float | None) -> str:
    """A firing rate; a part without neurons has none."""
    return '–' if value is None else f'{value:.4f}'


def millions(value: float) -> str:
    """A number of operations in millions."""
    return f'{value / 1e6:.2f}'
