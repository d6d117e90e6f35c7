"""The comparison of a graph with its model finds what differs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nir
import pytest
from torch import nn

from mmsfa.export.nir.check import (
    SpikeAgreement,
    compare_spikes,
    spikes_of_graph,
    spikes_of_model,
)
from mmsfa.export.nir.export import export_nir
from mmsfa.export.nir.network import NirNetwork
from tests.helpers.nir_backbones import SHAPE, build, picture

Fill = Callable[[nn.Module], nn.Module]


def test_spikes_lie_level_by_level(repo_dir: Path, lively_weights: Fill) -> None:
    backbone = lively_weights(build(repo_dir)).double()
    spikes, _ = spikes_of_graph(NirNetwork(export_nir(backbone, SHAPE, 1)), picture())
    name = 'stages.0.0.conv2.activate'
    assert spikes[name].shape == (4, 1, 48, 11, 13)
    per_level = spikes[name].flatten(1).sum(1)
    assert (per_level.diff() < 0).all()  # every level needs the one before


def test_a_wrong_threshold_is_found_in_its_neuron(repo_dir: Path, lively_weights: Fill) -> None:
    backbone = lively_weights(build(repo_dir, out_indices=(0,))).double()
    graph = export_nir(backbone, SHAPE)
    banks = [name for name, node in graph.nodes.items() if isinstance(node, nir.IF)]
    graph.nodes[banks[-1]].v_threshold += 0.125
    found = compare_spikes(backbone, NirNetwork(graph), picture())
    wrong = {name for name, number in found.different.items() if number}
    assert wrong == {banks[-1]} and set(found.spikes) == set(banks)
    assert not found.same_map and found.largest_error > 0
    spikes, out = spikes_of_model(backbone, picture(), stages=1)
    assert found.spikes == {name: int(one.sum()) for name, one in spikes.items()}
    assert found.largest_value == out.abs().max().item()


def test_what_comes_after_the_last_neuron_shows_in_the_map(
    repo_dir: Path, lively_weights: Fill
) -> None:
    backbone = lively_weights(build(repo_dir, out_indices=(0,))).double()
    graph = export_nir(backbone, SHAPE)
    graph.nodes['stages.0.sum'].bias += 1e-3
    found = compare_spikes(backbone, NirNetwork(graph), picture())
    assert not any(found.different.values()) and not found.same_map
    assert found.largest_error == pytest.approx(1e-3)


def test_maps_may_differ_by_rounding() -> None:
    assert SpikeAgreement({}, {}, largest_error=1e-12, largest_value=10).same_map
    assert not SpikeAgreement({}, {}, largest_error=1e-7, largest_value=10).same_map
    assert SpikeAgreement({}, {}, largest_error=0, largest_value=0).same_map
