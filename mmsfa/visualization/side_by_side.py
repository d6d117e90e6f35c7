"""Prediction and firing map of one picture side by side."""

from __future__ import annotations

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from .spiking_view import View

HEAT = 'inferno'  # readable without colour vision: its lightness grows all the way
PANEL_HEIGHT = 4.6  # inches
MOST_INCHES = 20  # of the height of a figure that follows its picture


def side_by_side(view: View) -> Figure:
    """Both panels with a colour bar."""
    height, width = view.prediction.shape[:2]
    panel = float(np.clip(PANEL_HEIGHT * width / height, 3.6, 8))
    dpi = float(np.clip(height / PANEL_HEIGHT, 100, 250))
    size = (2 * panel + 1.1, PANEL_HEIGHT + 0.65)
    figure = Figure(figsize=size, dpi=dpi, layout='constrained')
    left, right = figure.subplots(1, 2)
    left.imshow(view.prediction)
    left.set_title('prediction', fontsize=11)
    heat = draw_heat(right, view.picture, view.rates)
    right.set_title(f'firing of the backbone ({view.num_layers} neuron layers)', fontsize=11)
    bar = figure.colorbar(heat, ax=right, fraction=0.05, pad=0.02)
    bar.set_label('mean count / D', fontsize=10)
    for axes in (left, right):
        axes.set_axis_off()
    figure.supxlabel(
        f'{view.name}   firing rate: mean {view.rates.mean():.3f}, '
        f'lowest {view.rates.min():.3f}, highest {view.rates.max():.3f}',
        fontsize=9,
        color='0.35',
    )
    return figure


def firing_by_stage(view: View) -> Figure:
    """The map of each stage of the backbone, on one scale."""
    number = len(view.stages)
    height, width = view.picture.shape[:2]
    tall = min(8.8 / number * height / width, MOST_INCHES) + 0.55  # titles and colour bar
    figure = Figure(figsize=(10, tall), dpi=100, layout='constrained')
    highest = max(float(rates.max()) for rates in view.stages.values())
    panels = figure.subplots(1, number, squeeze=False)[0]
    for axes, (stage, rates) in zip(panels, view.stages.items(), strict=True):
        heat = draw_heat(axes, view.picture, rates, highest)
        axes.set_title(f'{stage}\nmean {rates.mean():.3f}', fontsize=9)
        axes.set_axis_off()
    figure.colorbar(heat, ax=list(panels), fraction=0.03, pad=0.01, label='mean count / D')
    return figure


def draw_heat(
    axes: Axes, picture: np.ndarray, rates: np.ndarray, highest: float | None = None
) -> ScalarMappable:
    """Draw a map over the grey picture.

    Args:
        axes: Where.
        picture: Shape (H, W, 3), RGB.
        rates: Shape (H, W), from 0.
        highest: End of the scale; the highest rate by default.

    Returns:
        What a colour bar needs.
    """
    # Little contrast, so that the colours keep their meaning.
    axes.imshow(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cmap='gray', vmin=-128, vmax=383)
    highest = highest or float(rates.max()) or 1.0
    axes.imshow(rates, cmap=HEAT, alpha=0.7, vmin=0, vmax=highest)
    heat = ScalarMappable(cmap=HEAT)
    heat.set_clim(0, highest)
    return heat
