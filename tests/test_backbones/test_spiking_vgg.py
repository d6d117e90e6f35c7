"""The VGG of Q-SNN and QP-SNN: parity with the published one, sizes, and the contracts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from mmsfa.backbones import SpikingVGG
from mmsfa.backbones.spiking_vgg import VGG_SNN
from mmsfa.compression.memory import weight_memory
from mmsfa.compression.quantization import quantize
from mmsfa.layers.fold import fold
from mmsfa.spiking import observe, spike_inference
from mmsfa.spiking.inference.streaming import streaming
from mmsfa.spiking.measure.emission import Emission
from tests.helpers.quantized_cnns import BINARY, classifier, filled, gradients, vgg
from tests.helpers.seeds import seeds

Found = dict[str, Any]
PICTURE = (2, 3, 16, 16)


def run(case: Any) -> Found:
    def adapter(inputs: Found, config: Found, state: Found) -> Found:
        model = filled(vgg(config), state)
        rates = []
        with observe(model, neuron=lambda _n, neuron, y: rates.append(neuron.mean_rate_of(y))):
            feats = model.extract_feat(torch.tensor(inputs['x']))
        # (T*B, K) -> (B, T, K)
        logits = model.head.step_scores(feats).unflatten(0, (config['T'], -1)).transpose(0, 1)
        (logits * torch.tensor(inputs['probe:logits'])).mean().backward()
        grads = gradients(model, case.expects)
        return {'logits': logits, 'rates': torch.stack(rates), **grads}

    return adapter


@pytest.mark.parametrize('name', ['qpsnn_model/vgg_b4', 'qpsnn_model/vgg_b2'])
def test_case(name: str, shared_dir: Path) -> None:
    case = seeds(shared_dir).Case(name)
    case.check(run(case), allow_missing=True)  # the scores of kernels are those of pruning


@pytest.mark.parametrize(('classes', 'floats', 'bits'), [(10, 36.91, 1.20), (100, 37.10, 1.39)])
def test_the_published_memory_comes_out(classes: int, floats: float, bits: float) -> None:
    """Source: Wei et al., https://arxiv.org/abs/2406.13672: first and last layer have 32 bits."""
    plan = VGG_SNN[:-1]
    backbone = dict(type='SpikingVGG', plan=plan)
    head = dict(type='LinearClsHead', num_classes=classes, in_channels=512)
    with torch.device('meta'):
        model = classifier(
            backbone,
            head,
            dict(default=None, layers={'backbone.features.1': BINARY}),
            dict(type='GlobalAveragePooling'),
        )
        first = weight_memory(model)
        quantize(model, dict(default=BINARY, stem=None, readout=None))
    assert round(weight_memory(model), 2) == bits
    saved = 31 / 32 * 9 * 64 * 128 * 4 / 1e6  # of the layer that was binary already
    assert round(first + saved, 2) == floats


# --- contracts


def lively(lively_weights, plan: tuple) -> SpikingVGG:
    state = dict(type='UniformState', bits=4, squash='tanh')
    neuron = dict(type='mmpretrain.LIF', tau=2.0, decay_input=False, state_quant=state)
    conv = dict(type='mmpretrain.QuantConv2d', quantizer=2)
    net = SpikingVGG(plan, neuron_cfg=neuron, conv_cfg=conv, T=3).double()
    lively_weights(net)
    net(torch.randn(PICTURE, dtype=torch.float64))  # stored limits
    return net.eval()


@pytest.mark.parametrize(
    ('pool', 'real'), [('M', {'features.0.conv'}), ('A', {'features.0.conv', 'features.3.conv'})]
)
@torch.no_grad()
def test_other_forms_of_inference_agree(lively_weights, pool: str, real: set) -> None:
    net = lively(lively_weights, (8, 8, pool, 16))
    x = torch.randn(PICTURE, dtype=torch.float64)
    reads_real = set()

    def received(name: str, layer: Any, x: torch.Tensor, output: torch.Tensor) -> None:
        if Emission.of(x) is None:
            reads_real.add(name)

    with observe(net, synapse=received):
        (expected,) = net(x)
    assert reads_real == real and 0.02 < expected.mean() < 0.9
    assert torch.equal(fold(net)(x)[0], expected)
    with spike_inference(net):
        assert torch.equal(net(x)[0], expected)
    with streaming(net):
        for _ in range(3):
            (streamed,) = net(x)
    assert torch.allclose(streamed, expected, atol=1e-12)


def test_maps() -> None:
    net = SpikingVGG((8, 'M', 16, 'A'), out_indices=(0, 2, -1), T=2, in_channels=2)
    maps = net(torch.randn(1, 4, 8, 8))  # two steps of two channels
    assert [tuple(m.shape[1:]) for m in maps] == [(8, 8, 8), (16, 4, 4), (16, 2, 2)]
    assert net.out_channels == (8, 16, 16) and net.out_strides == (1, 2, 4)
    assert len(SpikingVGG((8, 'M', 16), out_indices=(0,)).features) == 1


@pytest.mark.parametrize(
    ('plan', 'words'),
    [
        ((), 'plan must begin with the width'),
        (('M', 8), 'plan must begin with the width'),
        ((8, 'P'), "pooling in plan must be 'M'"),
    ],
)
def test_wrong_plans_get_a_sentence(plan: tuple, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SpikingVGG(plan)
