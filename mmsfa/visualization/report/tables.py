"""The tables of a report, for terminal and page alike."""

from __future__ import annotations

from typing import NamedTuple

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from mmsfa.spiking.real_inputs import REMARKS

from .summary import Report, millijoule, millions, names_of, rate, summary


class TableOf(NamedTuple):
    """A table of strings; the first ``num_names`` columns hold names, the others numbers."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    num_names: int = 1


def headline_table(reports: list[Report]) -> TableOf:
    """The headline figures of each model, side by side."""
    figures = [summary(report) for report in reports]
    rows = [[title, *(one[title] for one in figures)] for title in figures[0]]
    return TableOf('Summary', ['', *names_of(reports)], rows, num_names=1 + len(reports))


def totals_table(reports: list[Report]) -> TableOf:
    """Totals of each part; those of two models stand together."""
    columns = {
        'params (M)': lambda one: millions(one['params']),
        'weights (MB)': lambda one: f'{one["bytes"] / 1e6:.2f}',
        'MACs (M)': lambda one: millions(one['macs']),
        'additions (M)': lambda one: millions(one['acs']),
        'energy (mJ)': lambda one: millijoule(one['energy_mj']),
        'ordinary (mJ)': lambda one: millijoule(one['ann_energy_mj']),
        'firing rate': lambda one: rate(one['firing_rate']),
    }
    named = dict.fromkeys(one['part'] for report in reports for one in report['totals'])
    parts = [*(part for part in named if part != 'model'), 'model']
    two = len(reports) > 1
    rows = [
        [part, *([str(i)] if two else []), *(show(one) for show in columns.values())]
        for part in parts
        for i, report in enumerate(reports, start=1)
        for one in report['totals']
        if one['part'] == part
    ]
    names = ['part', 'no.'] if two else ['part']
    return TableOf('Totals for one picture', [*names, *columns], rows, len(names))


def neuron_table(report: Report) -> TableOf:
    """Firing of each neuron layer, in the order of execution."""
    rows = [
        [
            one['name'],
            str(one['D']),
            rate(one['firing_rate']),
            *(f'{one[key]:.2%}' for key in ('nonzero', 'saturation')),
            f'{one["dead_channels"]} of {one["channels"]}',
        ]
        for one in report['neurons']
    ]
    columns = ['neuron layer', 'D', 'firing rate', 'fires at all', 'at D', 'dead channels']
    return TableOf('Neuron layers', columns, rows)


def operation_table(report: Report) -> TableOf:
    """Bits of a weight, operations and energy of each layer, in the order of execution."""
    rows = [
        [
            one['name'],
            one['kind'],
            one['input'],
            '' if one['bits'] is None else f'{one["bits"]:g}',
            *(millions(one[key]) for key in ('macs', 'acs')),
            *(millijoule(one[key]) for key in ('energy_mj', 'ann_energy_mj')),
        ]
        for one in report['operations']
    ]
    columns = ['layer', 'kind', 'input', 'bits', 'MACs (M)', 'additions (M)', 'energy (mJ)']
    return TableOf('Operations for one picture', [*columns, 'ordinary (mJ)'], rows, num_names=3)


def remark_table(report: Report) -> TableOf:
    """What there is to say of single layers, by name: what may be a fault comes first."""
    real = {
        remark: [name for name, read in report['analog'].items() if read == kind]
        for kind, remark in REMARKS.items()
    }
    remarks = {
        REMARKS['analog']: real.pop(REMARKS['analog']),
        'never fires': report['idle'],
        'always at D': report['saturated'],
        'operations not counted': report['uncounted'],
        'never ran': report['not_run'],
        **real,  # as it is meant to be
    }
    rows = [[name, remark] for remark, names in remarks.items() for name in names]
    return TableOf('Remarks on layers', ['layer', 'remark'], rows, num_names=2)


def settings_table(report: Report) -> TableOf:
    """What was measured, and how."""
    settings = report['settings']
    rows = {
        'config': report['config']['path'],
        'config, sha256': report['config']['sha256'],
        'checkpoint': report['checkpoint']['path'],
        'checkpoint, sha256': report['checkpoint']['sha256'] or 'no file here',
        'pictures': str(report['data']['pictures']),
        'data, sha256': report['data']['sha256'],
        'energy of a multiply-accumulate': f'{settings["mac_pj"]} pJ',
        'energy of an addition': f'{settings["ac_pj"]} pJ',
        **{key: str(settings[key]) for key in ('device', 'mmsfa', 'torch', 'time')},
    }
    return TableOf('Settings', ['', ''], [list(row) for row in rows.items()], num_names=2)


def for_terminal(table: TableOf) -> Table:
    """As rich prints it: names are folded, never cut."""
    shown = Table(
        title=Text(table.title, style='bold'),
        title_justify='left',
        show_header=any(table.columns),
        box=SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    for i, column in enumerate(table.columns):
        if i < table.num_names:
            shown.add_column(Text(column), overflow='fold')
        else:
            heading = '\n'.join(column.rsplit(' ', 1))
            shown.add_column(Text(heading), justify='right', no_wrap=True)
    for row in table.rows:
        shown.add_row(*map(Text, row), style='bold' if row[0] == 'model' else '')
    return shown
