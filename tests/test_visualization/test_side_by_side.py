"""Figures of a prediction and of firing maps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from mmsfa.visualization.side_by_side import draw_heat, firing_by_stage, side_by_side
from mmsfa.visualization.spiking_view import View


@pytest.fixture
def view() -> View:
    """A picture of 40 x 60 pixels, a prediction twice as large, rates from 0 to 0.4."""
    picture = np.full((40, 60, 3), 100, np.uint8)
    rates = np.linspace(0, 0.4, 40 * 60).reshape(40, 60)
    prediction = np.full((80, 120, 3), 200, np.uint8)
    stages = {'stages.0': rates, 'stages.1': rates / 2, 'neck': rates * 2}
    return View('cat.png', picture, prediction, rates, stages, num_layers=7)


def test_the_prediction_is_left_and_the_map_lies_over_the_grey_picture(view: View) -> None:
    left, right, bar = side_by_side(view).axes
    (shown,) = left.images
    assert np.array_equal(shown.get_array(), view.prediction)
    grey, heat = right.images
    assert grey.get_array().shape == (40, 60) and (grey.get_array() == 100).all()
    assert np.array_equal(heat.get_array(), view.rates) and 0 < heat.get_alpha() < 1
    assert right.get_title() == 'firing of the backbone (7 neuron layers)'
    assert bar.get_ylabel() == 'mean count / D' and bar.get_ylim() == (0, 0.4)


def test_the_line_below_says_name_and_rates(view: View) -> None:
    (line,) = [text.get_text() for text in side_by_side(view).texts]
    assert line == 'cat.png   firing rate: mean 0.200, lowest 0.000, highest 0.400'


def test_wide_and_tall_pictures_get_panels_of_a_bounded_width(view: View) -> None:
    def width(height: int, width: int) -> float:
        prediction = np.zeros((height, width, 3), np.uint8)
        figure = side_by_side(View(view.name, view.picture, prediction, view.rates, {}, 7))
        assert 100 <= figure.dpi <= 250
        return figure.get_figwidth()

    tall, usual, wide = width(400, 100), width(400, 500), width(100, 900)
    assert tall == pytest.approx(2 * 3.6 + 1.1) and wide == pytest.approx(2 * 8 + 1.1)
    assert tall < usual < wide


def test_all_stages_have_one_scale(view: View) -> None:
    figure = firing_by_stage(view)
    assert isinstance(figure, Figure)
    *panels, bar = figure.axes
    titles = [axes.get_title() for axes in panels]
    assert titles == ['stages.0\nmean 0.200', 'stages.1\nmean 0.100', 'neck\nmean 0.400']
    for axes, rates in zip(panels, view.stages.values(), strict=True):
        heat = axes.images[1]
        assert np.array_equal(heat.get_array(), rates) and heat.get_clim() == (0, 0.8)
    assert bar.get_ylim() == (0, 0.8)


def test_the_stages_of_a_tall_strip_have_a_bounded_height(view: View) -> None:
    strip = replace(view, picture=np.zeros((2000, 16, 3), np.uint8))
    assert firing_by_stage(strip).get_figheight() < 21


def test_a_silent_network_has_a_scale_too(view: View) -> None:
    axes = Figure().subplots()
    scale = draw_heat(axes, view.picture, np.zeros((40, 60)))
    assert scale.get_clim() == (0, 1) == axes.images[1].get_clim()
    assert draw_heat(axes, view.picture, view.rates, highest=0.9).get_clim() == (0, 0.9)
