"""Criteria of weights, and the places where spikes are scored."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mmsfa.compression.pruning.criteria import (
    check_criterion,
    places_of,
    score_batch,
    weight_scores,
)
from mmsfa.compression.pruning.units import Member, Unit
from mmsfa.compression.pruning.widths import PruningError
from mmsfa.compression.quantization import QuantConvTranspose2d
from mmsfa.neurons import LIF

ALL = [0, 1]


def net() -> nn.Sequential:
    """Two channels: the second has twice the weights and half the scale."""
    model = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2), LIF(T=2), nn.Conv2d(2, 1, 1))
    model[0].weight.data = torch.ones(2, 3, 1, 1) * torch.tensor([1.0, -2]).view(2, 1, 1, 1)
    model[1].weight.data = torch.tensor([-1.0, 0.5])
    return model


def unit(**parts: list[Member]) -> Unit:
    return Unit('0', 2, **{'producers': [Member('0', ALL, ALL)], **parts})


def test_weights_and_scales() -> None:
    one = unit(through=[Member('1', ALL, ALL)])
    assert weight_scores(net(), one, 'l1').tolist() == [1, 2]
    assert weight_scores(net(), one, 'bn_gamma').tolist() == [1, 0.5]
    assert weight_scores(net(), unit(), 'bn_gamma') is None


def test_several_layers_give_their_mean() -> None:
    swapped = unit(producers=[Member('0', ALL, ALL), Member('0', ALL, [1, 0])])
    assert weight_scores(net(), swapped, 'l1').tolist() == [1.5, 1.5]


@pytest.mark.parametrize('kind', [nn.ConvTranspose2d, QuantConvTranspose2d])
def test_filters_of_a_transposed_convolution_are_its_outputs(kind: type) -> None:
    options = dict(quantizer=4) if kind is QuantConvTranspose2d else {}
    model = nn.Sequential(kind(3, 2, 2, **options))
    model[0].weight.data[:, 0], model[0].weight.data[:, 1] = 1, -3
    assert weight_scores(model, unit(), 'l1').tolist() == [1, 3]


def test_random_scores_follow_the_seed() -> None:
    def draw(seed: int) -> list[float]:
        return weight_scores(net(), unit(), 'random', torch.Generator().manual_seed(seed)).tolist()

    assert draw(0) == draw(0) != draw(1)


def test_spikes_are_scored_at_neurons_else_where_they_are_read() -> None:
    model = net()
    neurons, consumers = [Member('2', ALL, ALL)], [Member('3', ALL, ALL)]
    ((place, _),) = places_of(model, unit(neurons=neurons, consumers=consumers), 'svs', 'neuron', 8)
    assert (place.name, place.reads, place.steps) == ('2', False, 2)
    ((place, _),) = places_of(model, unit(consumers=consumers), 'svs', 'neuron', 8)
    assert (place.name, place.reads, place.steps) == ('3', True, 1)
    pools = [Member('4', ALL, ALL)]
    found = places_of(model, unit(neurons=neurons, pools=pools), 'svs', 'pooled', None)
    assert [(place.name, place.steps) for place, _ in found] == [('4', 2)]


def test_potentials_are_those_before_the_spike() -> None:
    neurons = [Member('2', ALL, ALL)]
    ((place, _),) = places_of(net(), unit(neurons=neurons), 'sca', 'neuron', None)
    assert place.reads
    neuron = LIF(T=2, tau=2.0, decay_input=False)
    x = torch.tensor([[0.8], [0.7]])[..., None, None]  # charges 0.8 and 1.1
    assert score_batch(place, neuron, x).item() == pytest.approx(0.95)


@pytest.mark.parametrize(
    ('settings', 'words'),
    [
        (('svd',), "must be one of svs, sca, l1, bn_gamma, random, got 'svd'"),
        (('svs', 'pool'), "site must be 'neuron' .* got 'pool'"),
    ],
)
def test_unknown_ones_are_refused(settings: tuple[str, ...], words: str) -> None:
    with pytest.raises(PruningError, match=words):
        check_criterion(*settings)
