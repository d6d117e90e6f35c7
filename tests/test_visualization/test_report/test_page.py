"""The page: every name whole and escaped, every figure right, nothing from elsewhere."""

from __future__ import annotations

import base64
import re
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from mmsfa.visualization.report.page import Plot, render_page
from mmsfa.visualization.report.summary import summary
from mmsfa.visualization.report.tables import neuron_table, operation_table, remark_table

Report = dict[str, Any]


@pytest.fixture
def plot() -> Plot:
    return Plot.of(Figure(figsize=(2, 1), dpi=200), 'a <plot>')


def test_what_is_not_counted_is_said(report: Report, plot: Plot) -> None:
    assert 'operations not counted' not in str(remark_table(report).rows)
    report['uncounted'], report['not_run'] = ['neck.attention'], ['neck.spare']
    assert ['neck.attention', 'operations not counted'] in remark_table(report).rows
    assert ['neck.spare', 'never ran'] in remark_table(report).rows
    page = render_page([report], [plot], [[plot]])
    assert '>neck.attention<' in page and '>operations not counted<' in page


def test_a_note_stands_in_the_place_of_the_example(report: Report, plot: Plot) -> None:
    page = render_page([report, report], [plot], [[plot], [plot]], ['no <picture>', ''])
    assert page.count('no &lt;picture&gt;') == 1
    assert page.count('<p class="note">') == 2  # the other one says what energy is


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


def test_a_photo_keeps_its_colours() -> None:
    figure = Figure(figsize=(2, 1), dpi=100)
    down, right = np.mgrid[:100, :200]
    photo = np.stack([down, right, 0 * down], -1).astype(np.uint8)
    figure.figimage(photo)

    def shown(plot: Plot) -> np.ndarray:
        picture = Image.open(BytesIO(base64.b64decode(plot.uri.split(',')[1])))
        assert picture.format == 'PNG' and plot.width == 200
        return np.asarray(picture.convert('RGB'))

    few, many = (shown(Plot.of(figure, 'a', photo=full)) for full in (False, True))
    assert np.array_equal(many, photo)
    assert len(np.unique(few.reshape(-1, 3), axis=0)) <= 256 and few.shape == photo.shape
