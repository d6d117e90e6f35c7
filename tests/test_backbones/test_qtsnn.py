"""QT-SNN in a classifier: shapes, counting, proof, integers and memory."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from mmengine.registry import init_default_scope
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import nn

from mmsfa.backbones import QTSNN
from mmsfa.compression.memory import weight_bytes
from mmsfa.compression.quantization import quantize
from mmsfa.neurons import SpikingNeuron
from mmsfa.spiking import OperationCounter, compare, in_float64

T, C, L = 2, 6, 16


def classifier(**changes: Any) -> nn.Module:
    """A small one, quantised, in evaluation mode, whose BN has seen something."""
    init_default_scope('mmpretrain')
    torch.manual_seed(0)
    neuron = dict(
        type='mmpretrain.TernaryLIF', threshold=0.5, state_quant=dict(type='UniformState', bits=4)
    )
    backbone = dict(type='QTSNN', in_channels=C, channels=(8, 12), strides=(1, 2), T=T)
    head = dict(
        type='SpikeTemporalClsHead',
        T=T,
        num_classes=3,
        in_channels=12 * L // 2,
        neuron_cfg=dict(type='mmpretrain.TernaryInput'),  # it reads spikes and makes none
        analog=(),
    )
    model = MODELS.build(
        dict(
            type='ImageClassifier',
            backbone={**backbone, 'neuron_cfg': neuron, **changes},
            head=head,
        )
    )
    quantize(model, dict(default=4, stem=4, readout=8))
    model.train()
    for _ in range(3):
        model(signals())
    return model.eval()


def signals(batch: int = 5) -> torch.Tensor:
    """Spikes as `SignalToImage` gives them."""
    return torch.randint(-1, 2, (batch, T * C, 1, L)).float()


def test_shapes_and_what_it_takes() -> None:
    backbone = QTSNN(C, (8, 12), (3, 5), (1, 2), T=T, out_indices=(0, -1))
    x = signals()
    first, last = backbone(x)
    assert first.shape == (T * 5, 8, L) and last.shape == (T * 5, 12, L // 2)
    assert torch.equal(backbone.eval()(x)[1], backbone(x.squeeze(2))[1])
    assert set(last.unique().tolist()) <= {-1, 0, 1}
    mean = QTSNN(C, (8,), strides=1, T=T, out_time='mean')
    assert mean(x)[0].shape == (5, 8, L)


def test_an_ordinary_network_has_no_neurons() -> None:
    relu = QTSNN(1, (4,), 9, 4, spikes_in=False, neuron_cfg=dict(type='ReLU'), T=1)
    assert not any(isinstance(m, SpikingNeuron) for m in relu.modules())
    assert relu(torch.randn(2, 1, 1, 64))[0].shape == (2, 4, 16)


def test_every_layer_adds_and_none_multiplies() -> None:
    model, x = classifier(), signals()
    counter = OperationCounter(model)
    counter.attach()
    with torch.no_grad():
        model(x)
    counter.detach()
    layers = counter.layers()
    assert len(layers) == 3
    assert all(found.analog_macs == 0 and 0 < found.acs < found.macs for found in layers.values())


def test_every_weight_learns() -> None:
    model = classifier().train()
    model(signals()).square().sum().backward()
    learning = [n for n, p in model.named_parameters() if p.grad is not None and p.grad.any()]
    assert len(learning) == len(list(model.parameters()))


def test_spikes_of_either_sign_prove_the_network() -> None:
    samples = [DataSample().set_gt_label(0) for _ in range(5)]
    batch = dict(inputs=list(signals()), data_samples=samples)
    with in_float64(classifier()) as model:
        found = compare(model, [batch])
    assert found.identical and len(found.layers) == 4
    assert not (found.analog or found.uncounted or found.not_run)


def test_memory_against_the_float_network() -> None:
    model = classifier()
    weights = {n: p.numel() for n, p in model.named_parameters() if n.endswith('conv.weight')}
    found = weight_bytes(model)
    assert all(found[name.removesuffix('.weight')] == n / 2 for name, n in weights.items())


@pytest.mark.parametrize(('settings', 'words'), [
    (dict(kernel_sizes=4), 'kernel_sizes must be odd'),
    (dict(strides=(1, 2)), 'one for each of the 3 convolutions'),
    (dict(channels=()), 'kernel_sizes must be'),
    (dict(out_indices=(3,)), 'out_indices'),
])  # fmt: skip
def test_settings_out_of_range_are_refused(settings: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        QTSNN(**settings)


def test_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match=r'signals of shape .* got \(2, 2, 8, 8\): SignalToImage'):
        QTSNN(1)(torch.zeros(2, 2, 8, 8))
