"""The mark that tells spikes from real values."""

from __future__ import annotations

import pytest
import torch

from mmsfa.neurons import SFA
from mmsfa.spiking.measure.emission import Emission
from tests.helpers.ternary_neuron import Ternary


def test_an_overwritten_output_is_no_spike_map() -> None:
    from mmsfa.spiking.measure.emission import Emission

    output = torch.ones(2, 3)
    Emission(SFA(), output)
    assert Emission.of(output) is not None
    output += 0.5
    assert Emission.of(output) is None


def test_large_features_are_counted_exactly() -> None:
    x = torch.full((1000, 12544), 1.5)
    x[0, 0] = 0.25
    assert Emission(SFA(D=4, norm=4), x).total(x).item() == 6 * (1000 * 12544 - 1) + 1


def test_the_mark_is_on_this_very_tensor() -> None:
    output = torch.ones(2, 3)
    mark = Emission(SFA(), output)
    assert Emission.of(output) is mark and mark.spikes is None
    for real in (output + 0, output.view(6), output.clone(), torch.ones(2, 3)):
        assert Emission.of(real) is None


def test_what_is_marked_already_keeps_its_mark() -> None:
    """A spike-driven pass has marked it with its spikes."""
    neuron, output = SFA(), torch.ones(2)
    mark = Emission(neuron, output, torch.ones(4, 2, dtype=torch.bool))
    assert Emission.at(neuron, output) is mark
    fresh = torch.ones(2)
    assert Emission.at(neuron, fresh) is Emission.of(fresh) is not None
    with torch.inference_mode():  # these tensors do not tell whether they were overwritten
        fresh = torch.ones(2)
        assert Emission.at(neuron, fresh) is Emission.of(fresh) is not None


@pytest.mark.parametrize('norm', [1, 3])
def test_spikes_at_each_place(norm: int) -> None:
    counts = torch.tensor([[[[0, 1], [2, 3]]], [[[4, 0], [0, 1]]]])  # (2, 1, 2, 2)
    output = counts / norm
    mark = Emission(SFA(D=4, norm=norm), output)
    plane = mark.plane(output, 2)
    assert plane.dtype == torch.float64 and plane.tolist() == [[4, 1], [2, 4]]
    assert mark.plane(output, 1).tolist() == [6, 5]
    assert mark.plane(output, 0).item() == mark.total(output).item() == 11
    assert Emission(mark.neuron, output).total(output).item() == 11, 'also as the first question'


def test_a_spike_counts_whatever_its_sign() -> None:
    output = torch.tensor([[-1.0, 0.5, 0]])
    assert Emission(Ternary(D=2, norm=2), output).total(output).item() == 3
