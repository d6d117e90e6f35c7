"""Q-SNN's ResNet: parity with the published one, and the contracts of the house."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from mmpretrain.structures import DataSample

from mmsfa.backbones import SpikingResNet
from mmsfa.compression.quantization import QuantizedLayer
from mmsfa.layers.fold import fold
from mmsfa.losses import FiringRateLoss, add_auxiliary_losses
from mmsfa.neurons import LIF
from mmsfa.spiking import observe, spike_inference
from mmsfa.spiking.inference.streaming import streaming
from mmsfa.spiking.measure.emission import Emission
from tests.helpers.quantized_cnns import filled, gradients, quantized_layers, resnet
from tests.helpers.seeds import seeds

Found = dict[str, Any]
CASES = ['qsnn_model/res_1w8u', 'qsnn_model/res_1w2u']
SMALL = dict(width=8, depths=(1, 2, 1), T=3)


def run(case: Any) -> Found:
    def adapter(inputs: Found, config: Found, state: Found) -> Found:
        rule = FiringRateLoss(0.5, weight=config['lamb'], skip=('first', 'last'))
        model = filled(add_auxiliary_losses(resnet(config), dict(rate=rule)), state)
        x = torch.tensor(inputs['x'])
        rates = []
        with observe(model, neuron=lambda _n, neuron, y: rates.append(neuron.mean_rate_of(y))):
            losses = model.loss(x, [DataSample().set_gt_label(int(y)) for y in inputs['labels']])
        loss = losses['loss_own'] + losses['loss_rate']
        loss.backward()
        steps = model.head.step_scores(model.extract_feat(x))
        return {
            'logits': steps.unflatten(0, (config['T'], -1)),
            'rates': torch.stack(rates),
            'loss': loss,
            'loss_rate': losses['loss_rate'] / config['lamb'],
            **gradients(model, case.expects),
        }

    return adapter


@pytest.mark.parametrize('name', CASES)
def test_case(name: str, shared_dir: Path) -> None:
    case = seeds(shared_dir).Case(name)
    case.check(run(case))


def test_every_case_is_tried(shared_dir: Path) -> None:
    assert set(CASES) == set(seeds(shared_dir).names('qsnn_model/'))


# --- the published size


def test_resnet19_has_its_layers() -> None:
    with torch.device('meta'):
        net = SpikingResNet()
    kernels = [p for p in net.parameters() if p.dim() == 4]
    assert len(kernels) == 17 + 2  # and the classifier; two shortcuts have a convolution
    assert sum(p.numel() for p in kernels) == 128 * 27 + 9 * (
        6 * 128**2 + 128 * 256 + 5 * 256**2 + 256 * 512 + 3 * 512**2
    ) + (128 * 256 + 256 * 512)
    assert net.out_channels == (512,) and net.out_strides == (4,)
    neurons = [m for m in net.modules() if isinstance(m, LIF)]
    assert len(neurons) == 17 and {n.T for n in neurons} == {4}


# --- contracts


@pytest.fixture
def net(lively_weights) -> SpikingResNet:
    state = dict(type='UniformState', bits=4)
    neuron = dict(type='mmpretrain.LIF', tau=2.0, decay_input=False, state_quant=state)
    conv = dict(type='mmpretrain.QuantConv2d', quantizer=1)
    net = SpikingResNet(**SMALL, neuron_cfg=neuron, conv_cfg=conv).double()
    lively_weights(net)
    net(torch.randn(4, 3, 16, 16, dtype=torch.float64))  # stored limits
    return net.eval()


@pytest.fixture
def picture() -> torch.Tensor:
    return torch.randn(2, 3, 16, 16, dtype=torch.float64)


def test_maps(net, picture) -> None:
    every = SpikingResNet(**SMALL, out_indices=(0, 1, 2), out_time='batch')
    shapes = [tuple(m.shape) for m in every(picture.float())]
    assert shapes == [(6, 8, 16, 16), (6, 16, 8, 8), (6, 32, 4, 4)]
    assert every.out_channels == (8, 16, 32) and every.out_strides == (1, 2, 4)
    assert net(picture)[0].shape == (2, 32, 4, 4)
    assert len(SpikingResNet(**SMALL, out_indices=(0,)).stages) == 1


@torch.no_grad()
def test_every_layer_but_the_first_gets_spikes(net, picture) -> None:
    real, layers = [], []

    def received(name: str, layer: Any, x: torch.Tensor, output: torch.Tensor) -> None:
        layers.append(name)
        if Emission.of(x) is None:
            real.append(name)

    rates = {}
    with observe(net, lambda n, neuron, y: rates.setdefault(n, y.mean().item()), received):
        net(picture)
    assert real == ['conv1.conv'] and sorted(layers) == sorted(quantized_layers(net))
    assert all(0.01 < rate < 0.9 for rate in rates.values()), rates


@torch.no_grad()
def test_other_forms_of_inference_agree(net, picture) -> None:
    (expected,) = net(picture)
    assert 0.02 < expected.mean() < 0.9
    (folded,) = fold(net)(picture)
    assert torch.equal(folded, expected)
    assert not any(isinstance(m, QuantizedLayer) for m in fold(net).modules())
    with spike_inference(net):
        assert torch.equal(net(picture)[0], expected)
    with streaming(net):
        for _ in range(3):
            (streamed,) = net(picture)
    assert torch.allclose(streamed, expected, atol=1e-12)


def test_recomputed_blocks_give_the_same_gradient(picture) -> None:
    found = []
    for with_cp in (False, True):
        torch.manual_seed(0)
        state = dict(type='UniformState', bits=4, momentum=0.5)
        net = SpikingResNet(**SMALL, with_cp=with_cp, neuron_cfg=dict(
            type='mmpretrain.LIF', tau=2.0, decay_input=False, state_quant=state))  # fmt: skip
        net.double()(picture)[0].square().mean().backward()
        found.append((net.conv1.conv.weight.grad, net.state_dict()))
    (plain, stats), (recomputed, same) = found
    assert plain.abs().max() > 0 and torch.allclose(plain, recomputed, atol=1e-14)
    assert all(torch.equal(stats[name], same[name]) for name in stats)


def test_wrong_settings_get_a_sentence() -> None:
    with pytest.raises(ValueError, match='depths must name the blocks of one to three stages'):
        SpikingResNet(depths=(1, 1, 1, 1))
    with pytest.raises(ValueError, match=r'out_indices must name different maps of 0\.\.2'):
        SpikingResNet(out_indices=(3,))
    with pytest.raises(ValueError, match='leave T out of neuron_cfg'):
        SpikingResNet(T=2, neuron_cfg=dict(type='mmpretrain.LIF', T=3))
