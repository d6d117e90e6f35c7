"""Tables and page: every name whole, every figure right."""

from __future__ import annotations

import base64
import copy
import re
from typing import Any

import pytest
from matplotlib.figure import Figure
from rich.console import Console

from mmsfa.visualization.report.page import Plot, render_page
from mmsfa.visualization.report.summary import summary
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


def test_headline(report: Report) -> None:
    assert summary(report) == {
        'energy for one picture': '5.40 mJ',
        'the ordinary network': '55.2 mJ',
        'ordinary / spiking': '10.22',
        'mean firing rate': '0.1500',
        'dead channels': '18 of 144 (12.5%)',
        'parameters': '4.00 M',
    }


def test_a_model_without_neurons_and_energy_has_a_headline(report: Report) -> None:
    report['neurons'] = []
    report['totals'][-1].update(firing_rate=None, energy_mj=0.0, ann_energy_mj=0.0)
    figures = summary(report)
    assert figures['ordinary / spiking'] == figures['mean firing rate'] == '–'
    assert figures['dead channels'] == '0 of 0'


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


def test_what_is_not_counted_is_said(report: Report, plot: Plot) -> None:
    assert 'operations not counted' not in str(remark_table(report).rows)
    report['uncounted'] = ['neck.attention']
    assert ['neck.attention', 'operations not counted'] in remark_table(report).rows
    page = render_page([report], [plot], [[plot]])
    assert '>neck.attention<' in page and '>operations not counted<' in page


def test_what_gets_real_values_is_told_apart(report: Report) -> None:
    expected = [
        ['backbone.downsample_layers.0.conv', 'sees the picture'],
        ['decode_head.conv_seg', 'reads membrane potentials'],
    ]
    assert remark_table(report).rows == expected
    report['analog']['neck.conv'] = 'analog'
    assert remark_table(report).rows == [['neck.conv', 'gets real values'], *expected]


def test_a_note_stands_in_the_place_of_the_example(report: Report, plot: Plot) -> None:
    page = render_page([report, report], [plot], [[plot], [plot]], ['no <picture>', ''])
    assert page.count('no &lt;picture&gt;') == 1
    assert page.count('<p class="note">') == 2  # the other one says what energy is


@pytest.fixture
def plot() -> Plot:
    return Plot.of(Figure(figsize=(2, 1), dpi=200), 'a <plot>')


def test_the_page_needs_nothing_else(report: Report, plot: Plot) -> None:
    page = render_page([report], [plot], [[plot]])
    assert not re.search(r'https?:|<script|<link|url\(|@import', page)
    images = re.findall(r'<img src="data:image/png;base64,([^"]*)" width="200"', page)
    assert [base64.b64decode(image) for image in images] == [plot.png, plot.png]


def test_every_name_and_figure_is_in_the_page(report: Report, plot: Plot) -> None:
    page = render_page([report], [plot], [[plot]])
    tables = (neuron_table(report), operation_table(report), remark_table(report))
    cells = [cell for table in tables for row in table.rows for cell in row]
    hashes = [report[key]['sha256'] for key in ('config', 'checkpoint', 'data')]
    for text in [*cells, *hashes, *summary(report).values()]:
        assert f'>{text}<' in page


def test_names_are_escaped(report: Report, plot: Plot) -> None:
    evil = '<img src=x onerror=alert(1)>'
    report['neurons'][0]['name'] = report['config']['path'] = evil
    report['totals'][0]['part'] = report['operations'][0]['name'] = evil
    report['analog'] = {evil: 'analog'}
    page = render_page([report, report], [plot], [[plot], [plot]])
    assert evil not in page and 'alt="a &lt;plot&gt;"' in page
    assert page.count('&lt;img src=x onerror=alert(1)&gt;') >= 8
