"""Tables: every name whole, every figure right."""

from __future__ import annotations

import copy
import re
from typing import Any

from rich.console import Console

from mmsfa.visualization.report.tables import (
    for_terminal,
    neuron_table,
    operation_table,
    remark_table,
    totals_table,
)

Report = dict[str, Any]


def printed(table: Any, width: int = 80) -> list[list[str]]:
    """Cells of each printed line."""
    console = Console(width=width, record=True, file=None, quiet=False)
    with console.capture() as capture:
        console.print(for_terminal(table))
    return [re.split(r'\s{2,}', line.strip()) for line in capture.get().splitlines()]


def test_long_names_are_folded_and_never_cut(report: Report) -> None:
    name = 'backbone.' + 'a_very_long_part_of_a_name.' * 6 + 'activate'
    report['neurons'][0]['name'] = report['operations'][0]['name'] = name
    report['totals'][0]['part'] = name
    report['analog'] = {name: 'analog'}
    makers = (neuron_table, operation_table, remark_table, lambda r: totals_table([r, r]))
    for table in (make(report) for make in makers):
        lines = printed(table)
        assert '…' not in str(lines)
        folded = ''.join(cells[0] for cells in lines)
        assert name in folded
        numbers = [cell for row in table.rows for cell in row[table.num_names :]]
        assert all(number in str(lines) for number in numbers)


def test_two_models_stand_together(report: Report) -> None:
    other = copy.deepcopy(report)
    other['totals'][-1]['energy_mj'] = 2.7
    other['totals'][1]['part'] = 'neck'
    table = totals_table([report, other])
    energy = table.columns.index('energy (mJ)')
    rows = [(row[0], row[1], row[energy]) for row in table.rows]
    assert rows == [
        ('backbone', '1', '3.60'), ('backbone', '2', '3.60'), ('decode_head', '1', '1.80'),
        ('neck', '2', '1.80'), ('model', '1', '5.40'), ('model', '2', '2.70'),
    ]  # fmt: skip


def test_what_gets_real_values_is_told_apart(report: Report) -> None:
    expected = [
        ['backbone.downsample_layers.0.conv', 'sees the picture'],
        ['decode_head.conv_seg', 'reads membrane potentials'],
    ]
    assert remark_table(report).rows == expected
    report['analog']['neck.conv'] = 'analog'
    assert remark_table(report).rows == [['neck.conv', 'gets real values'], *expected]


def test_bits_of_a_layer_are_named(report: Report) -> None:
    report['operations'][1]['bits'] = None  # an attention has no weights
    bits = [row[3] for row in operation_table(report).rows]
    assert bits == ['1', '', *['1'] * (len(bits) - 2)]
