"""Neurons that emit binary spikes, and layers that add them up."""

from __future__ import annotations

import pytest
import torch
from mmdet.models.layers import NormedLinear
from torch import nn

from mmsfa.layers import make_spike_driven
from mmsfa.neurons import SFA
from mmsfa.spiking import spike_inference
from mmsfa.spiking.inference.spike_driven_pass import emit_spikes, replace_synapses
from mmsfa.spiking.measure.emission import Emission
from tests.helpers.ternary_neuron import Ternary
from tests.helpers.untold_layers import TwiceTheBias


@pytest.mark.parametrize(
    ('kind', 'size'),
    [
        (nn.BatchNorm2d, (3, 8, 5, 6)),
        (nn.SyncBatchNorm, (3, 8, 5, 6)),
        (nn.BatchNorm1d, (3, 8)),
        (nn.BatchNorm1d, (3, 8, 5)),
    ],
)
@torch.no_grad()
def test_the_shift_of_a_norm_arrives_as_a_bias_does(kind: type, size: tuple[int, ...]) -> None:
    norm = kind(8).eval()
    for value in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
        value.uniform_(0.5, 2)
    model, x = nn.Sequential(norm), torch.randn(size)
    whole = model(x)
    for share in (0.25, 0.5, 0.75):
        with replace_synapses(model, lambda share=share: share):
            torch.testing.assert_close(model(x * share), whole * share)
    with replace_synapses(model):  # bit for bit once everything is there
        assert torch.equal(model(x), whole)
    assert 'forward' not in vars(norm)


@torch.no_grad()
def test_a_norm_with_statistics_of_the_batch_is_left_alone() -> None:
    model = nn.Sequential(nn.BatchNorm2d(8, track_running_stats=False)).eval()
    x = torch.randn(2, 8, 4, 4)
    expected = model(x)
    with replace_synapses(model, lambda: 0.25):
        assert torch.equal(model(x), expected)


def test_layers_may_be_called_by_keyword() -> None:
    head = nn.ConvTranspose2d(2, 2, 3, stride=2)
    make_spike_driven(nn.Sequential(head), dict(type='mmpretrain.SFA'))
    x = torch.rand(1, 2, 4, 4) * 4
    with torch.no_grad():
        plain = head(x, output_size=(10, 10))
        with spike_inference(nn.Sequential(head).eval()):
            torch.testing.assert_close(head(x, output_size=(10, 10)), plain)


@pytest.mark.parametrize(
    ('neuron', 'steps', 'dtype'),
    [
        (SFA(D=3, norm=2), [[0, 1, 1], [0, 0, 1], [0, 0, 1]], torch.bool),
        (Ternary(D=3, norm=2), [[-1, 1, 1], [-1, 0, 1], [0, 0, 1]], torch.int8),
    ],
)
def test_spikes_come_early_and_add_up_to_the_output(
    neuron: nn.Module, steps: list, dtype: torch.dtype
) -> None:
    x = torch.tensor([-2.0, 1.0, 9.0])
    output = emit_spikes(neuron, neuron.forward)(x)
    mark = Emission.of(output)
    assert torch.equal(output, neuron(x)) and mark.neuron is neuron
    assert mark.spikes.dtype == dtype and mark.spikes.int().tolist() == steps


def test_a_layer_adds_up_the_steps_and_a_share_of_its_bias() -> None:
    neuron, layer = SFA(D=4), nn.Linear(3, 2).double()
    x = torch.tensor([[0.0, 2, 4]], dtype=torch.float64)
    emitted, model = emit_spikes(neuron, neuron.forward)(x), nn.Sequential(layer).eval()
    for share in (0.25, 1.0):
        with replace_synapses(model, lambda share=share: share), torch.no_grad():
            want = x / 4 @ layer.weight.T + share * layer.bias
            torch.testing.assert_close(layer(emitted), want, rtol=0, atol=1e-14)
            real = layer(x / 4)  # without a mark
            torch.testing.assert_close(real, want, rtol=0, atol=1e-14)
    assert 'forward' not in vars(layer)


@pytest.mark.parametrize('bias', [True, False])
@torch.no_grad()
def test_a_layer_that_does_not_add_up_reads_counts(bias: bool) -> None:
    """mmdet's ``NormedLinear`` gives the same for one spike as for four of the same kind."""
    neuron, layer = SFA(D=4), NormedLinear(3, 2, bias=bias).double()
    model = nn.Sequential(neuron, layer).eval()
    x = torch.tensor([[0.0, 2, 4], [3, 1, 1]], dtype=torch.float64)
    want = model(x)
    with spike_inference(model):
        assert torch.equal(model(x), want)
        assert layer.forward.reads_counts
    with replace_synapses(model, lambda: 0.25):
        assert torch.equal(
            layer(x), NormedLinear.forward(layer, x) - (0.75 * layer.bias if bias else 0)
        )
    assert 'forward' not in vars(layer)


@torch.no_grad()
def test_a_layer_with_another_bias_than_its_own_is_added_up() -> None:
    neuron, layer = SFA(D=4), TwiceTheBias(3, 2).double()
    model = nn.Sequential(neuron, layer).eval()
    x = torch.tensor([[0.0, 2, 4]], dtype=torch.float64)
    want = model(x)
    with spike_inference(model):
        torch.testing.assert_close(model(x), want, rtol=0, atol=1e-14)
        assert not layer.forward.reads_counts


@torch.no_grad()
def test_a_weight_that_is_computed_at_every_call_is_that_of_the_call() -> None:
    """The old weight norm and spectral norm leave the weight of the last call on the layer."""
    for wrap in (nn.utils.weight_norm, nn.utils.spectral_norm):
        model = nn.Sequential(SFA(D=4), wrap(nn.Linear(8, 4))).eval()
        state = {key: torch.rand_like(value) for key, value in model.state_dict().items()}
        model.load_state_dict(state)  # nothing has run since
        x = 4 * torch.rand(2, 8)
        with spike_inference(model):
            found = model(x)
        torch.testing.assert_close(found, model(x))


@torch.no_grad()
def test_a_forward_of_a_single_layer_is_kept() -> None:
    model = nn.Sequential(SFA(D=4), nn.Linear(8, 4)).eval()
    layer = model[1]
    plain = layer.forward
    layer.forward = lambda x: plain(x) ** 2
    x = 4 * torch.rand(2, 8)
    want = model(x)
    with spike_inference(model):
        torch.testing.assert_close(model(x), want)
        assert layer.forward.reads_counts
