"""What the last layer says, and which settings it refuses."""

from __future__ import annotations

import pytest
import torch

from mmsfa.spike_times import SpikeTimeError, SpikeTimeLinear
from mmsfa.spike_times.readout import check_readout, scores_of


def test_potentials_are_not_divided_by_the_temperature() -> None:
    layer, t = SpikeTimeLinear(8, 3, readout=True), torch.rand(4, 8)
    assert torch.equal(scores_of(layer, t, 0.2), layer(t))


def test_the_first_spike_has_the_largest_score_and_a_lower_temperature_parts_them() -> None:
    torch.manual_seed(0)
    layer, t = SpikeTimeLinear(8, 3), torch.rand(16, 8)
    times = layer(t)
    fires = times.isfinite().any(1)
    assert fires.any()
    warm, cold = (scores_of(layer, t, temperature) for temperature in (1.0, 0.1))
    for scores in (warm, cold):
        assert torch.equal(scores.argmax(1)[fires], times.argmin(1)[fires])
    spread = [(scores.amax(1) - scores.amin(1))[fires] for scores in (warm, cold)]
    assert (spread[1] > spread[0]).any()


@pytest.mark.parametrize('settings', [('rate', 0.2), ('potential', 0), ('potential', -1.0)])
def test_settings_out_of_range_are_refused(settings: tuple) -> None:
    with pytest.raises(SpikeTimeError, match='must be'):
        check_readout(*settings)
