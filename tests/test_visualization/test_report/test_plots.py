"""What the plots show."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from mmsfa.visualization.report.plots import (
    by_depth,
    count_histograms,
    energy_by_stage,
    firing_rate_by_depth,
)

Report = dict[str, Any]


def test_a_bar_for_each_layer_and_a_colour_for_each_stage(report: Report) -> None:
    (axes,) = firing_rate_by_depth(report['neurons']).axes
    heights = [bar.get_height() for bar in axes.patches]
    assert heights == [one['firing_rate'] for one in report['neurons']]
    looks = {(bar.get_facecolor(), bar.get_hatch()) for bar in axes.patches}
    assert len(looks) == 3
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ['backbone.stages.0', 'backbone.stages.1', 'decode_head']


def test_stages_are_sorted_and_more_stages_than_colours_differ(report: Report) -> None:
    (one,) = report['neurons'][:1]
    neurons = [{**one, 'stage': f'backbone.stages.{i}'} for i in reversed(range(9))]
    assert [n['stage'][-1] for n in by_depth(neurons)] == list('012345678')
    (axes,) = firing_rate_by_depth(neurons).axes
    assert len({(bar.get_facecolor(), bar.get_hatch()) for bar in axes.patches}) == 9


def test_counts_are_stacked_up_to_the_share_that_fires(report: Report) -> None:
    report['neurons'][0].update(D=2, histogram=[0.4, 0.5, 0.1])
    (axes,) = count_histograms(report['neurons']).axes
    bars = axes.patches
    assert len(bars) == 4 * 6
    tops = [max(bar.get_y() + bar.get_height() for bar in bars[i::6]) for i in range(6)]
    assert tops == pytest.approx([0.6] + [0.5] * 5)
    assert [bar.get_height() for bar in bars[:2]] == pytest.approx([0.5, 0.2])


def test_energy_is_summed_over_the_layers_of_a_stage(report: Report) -> None:
    (axes,) = energy_by_stage({'a': report}).axes
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([1.8] * 3 + [18.4] * 3)
    assert [label.get_text() for label in axes.get_yticklabels()][-1] == 'decode_head'


def test_energy_of_two_models_with_other_stages(report: Report) -> None:
    other = copy.deepcopy(report)
    for one in other['operations']:
        one['name'] = one['name'].replace('decode_head', 'neck')
    figure = energy_by_stage({'1: a': report, '2: b': other})
    (axes,) = figure.axes
    widths = [bar.get_width() for bar in axes.patches]
    first, second = [1, 1, 1, 0], [1, 1, 0, 1]
    expected = [n * mj for stages in (first, second) for mj in (1.8, 18.4) for n in stages]
    assert widths == pytest.approx(expected)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    kinds = ('spiking', 'ordinary network')
    assert names == [f'{name}, {kind}' for name in ('1: a', '2: b') for kind in kinds]
