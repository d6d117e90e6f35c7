"""The spiking form of a model equals the trained one, spike by spike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmcv.cnn import ConvModule
from mmengine.config import Config
from mmengine.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from mmsfa.apis.trained_model import build_model
from mmsfa.backbones import ESpikeFormer
from mmsfa.layers import SpikeConv, make_spike_driven
from mmsfa.layers.effective_weight import effective_weight
from mmsfa.neurons import SFA
from mmsfa.spiking import MODES, compare, in_float64, observe, spike_inference
from mmsfa.spiking.measure.observer import synapses_of

# Heads of each config, and their read-outs.
CONFIGS = {
    'det/mask_rcnn_esf_demo': {
        'rpn_head': ('rpn_cls', 'rpn_reg'),
        'roi_head.bbox_head': ('fc_cls', 'fc_reg'),
        'roi_head.mask_head': ('conv_logits',),
    },
    'seg/upernet_esf_demo': {'decode_head': ('conv_seg',)},
    'cls/esf_tiny_flowers5': {'head': ('fc',)},
}
Fill = Callable[[nn.Module], nn.Module]


@pytest.fixture
def backbone(lively_weights: Fill) -> nn.Module:
    arch = dict(channels=(8, 16, 16, 24), depths=(1, 1, 1, 1, 1))
    return lively_weights(ESpikeFormer(arch).eval())


def batch(size: int = 64, samples: int = 2) -> Tensor:
    return torch.randn(samples, 3, size, size, generator=torch.Generator().manual_seed(0))


def counts_of(model: nn.Module, x: Tensor) -> dict[str, list[Tensor]]:
    found: dict[str, list[Tensor]] = {}

    def keep(name: str, neuron: SFA, output: Tensor) -> None:
        found.setdefault(name, []).append((output * neuron.norm).round())

    with torch.no_grad(), observe(model, neuron=keep):
        model(x)
    return found


class Inputs(TorchFunctionMode):
    """What the convolutions and products with weights really get."""

    def __init__(self) -> None:
        self.seen: list[Tensor] = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in (F.conv2d, F.conv_transpose2d, F.linear):
            self.seen.append(args[0])
        return function(*args, **(kwargs or {}))


@pytest.mark.slow
@pytest.mark.parametrize('potentials', [True, False], ids=['potentials', 'spikes'])
@pytest.mark.parametrize('config', CONFIGS)
def test_every_count_and_prediction_is_the_same_in_float64(
    repo_dir: Path, shapes_dir: Path, lively_weights: Fill, config: str, potentials: bool
) -> None:
    from mmsfa.apis.trained_model import picture_loader

    cfg = Config.fromfile(repo_dir / f'configs/{config}.py')
    for head, names in CONFIGS[config].items():
        cfg.merge_from_dict({f'model.{head}.analog': names if potentials else ()})
    model = lively_weights(build_model(cfg))
    if 'flowers' in config:
        batches = [dict(inputs=[torch.randint(256, (3, 64, 64))], data_samples=None)]
    else:
        cfg.test_dataloader.dataset.data_root = str(shapes_dir)
        batches = list(picture_loader(cfg, 1))
    state = {key: value.clone() for key, value in model.state_dict().items()}
    with in_float64(model):
        found = compare(model, batches)
    assert found.identical and found.predictions.total > 0
    assert all(layer.counts > 0 for layer in found.layers)
    readouts = [f'{head}.{name}' for head, names in CONFIGS[config].items() for name in names]
    read = dict.fromkeys(readouts if potentials else (), 'potentials')
    assert found.analog == {'backbone.downsample_layers.0.conv': 'picture', **read}
    assert all(torch.equal(state[key], value) for key, value in model.state_dict().items())
    assert not any('forward' in vars(module) for module in model.modules())


def test_layers_get_binary_maps_only(backbone: nn.Module) -> None:
    neurons = sum(isinstance(m, SFA) for m in backbone.modules())
    with torch.no_grad(), spike_inference(backbone), Inputs() as inputs:
        backbone(batch())
    image, *others = inputs.seen
    assert not ((image == 0) | (image == 1)).all()
    assert all(((x == 0) | (x == 1)).all() for x in others)
    assert len(others) > 4 * 0.8 * neurons  # D = 4 steps each


def test_no_normalisation_runs(backbone: nn.Module) -> None:
    ran = []
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(
                lambda m, inputs, output: ran.append(output is not inputs[0])
            )
    with torch.no_grad(), spike_inference(backbone):
        backbone(batch())
    assert ran and not any(ran)


def test_float32_is_the_same_where_sums_are_exact(make_exact: Fill) -> None:
    backbone = make_exact(ESpikeFormer('tiny').eval())
    x = batch().mul(8).round().div(8)
    plain = counts_of(backbone, x)
    with spike_inference(backbone):
        spiking = counts_of(backbone, x)
    assert plain.keys() == spiking.keys()
    assert all(torch.equal(plain[key][0], spiking[key][0]) for key in plain)


@pytest.mark.parametrize(
    'neuron',
    [
        dict(D=8, rounding='half_up'),
        dict(D=1),
        dict(D=4, norm=1),
        dict(D=4, norm=3),
        dict(D=2, T=2),
    ],
)
def test_every_kind_of_neuron(lively_weights: Fill, neuron: dict) -> None:
    cfg = dict(type='mmpretrain.SFA', **neuron)
    arch = dict(channels=(8, 8, 16, 16), depths=(1, 1, 1, 1, 1))
    backbone = lively_weights(ESpikeFormer(arch, neuron_cfg=cfg)).double().eval()
    x = batch(32).double()
    plain = counts_of(backbone, x)
    with spike_inference(backbone):
        spiking = counts_of(backbone, x)
    assert sum(bool(counts[0].any()) for counts in plain.values()) > 0.9 * len(plain)
    assert all(torch.equal(plain[name][0], spiking[name][0]) for name in plain)


def test_transposed_grouped_and_linear_layers() -> None:
    torch.manual_seed(0)
    head = nn.Sequential(
        nn.Conv2d(4, 8, 3, groups=2, dilation=2, padding_mode='reflect', padding=2),
        nn.ConvTranspose2d(8, 8, 3, stride=2, output_padding=1, groups=2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 5),
    )
    make_spike_driven(head, dict(type='mmpretrain.SFA', norm=1))
    head = head.double().eval()
    x = torch.rand(2, 4, 9, 9, dtype=torch.float64) * 4
    with torch.no_grad():
        plain = head(x)
        with spike_inference(head), Inputs() as inputs:
            spiking = head(x)
    assert len(inputs.seen) == 3 * 4 and all(((i == 0) | (i == 1)).all() for i in inputs.seen)
    torch.testing.assert_close(plain, spiking, rtol=1e-12, atol=1e-12)


def test_real_values_stay_analog_and_are_listed() -> None:
    from mmsfa.spiking.measure.emission import Emission

    model = nn.Sequential(SFA(), nn.Conv2d(2, 2, 1), nn.Conv2d(2, 2, 1), SFA(), nn.Linear(8, 3))
    model.eval()
    spiking = {}

    def keep(name: str, layer: nn.Module, x: Tensor, output: Tensor) -> None:
        spiking[name] = Emission.of(x)

    with torch.no_grad(), spike_inference(model), observe(model, synapse=keep):
        model(torch.rand(1, 2, 8, 8) * 4)
    assert {name for name, emission in spiking.items() if emission is None} == {'2'}


class SharedConv(nn.Module):
    """Pyramid levels with one convolution and a BN each, as in mmdet's RTMDetSepBNHead."""

    def __init__(self) -> None:
        super().__init__()
        cfg = dict(neuron_cfg=dict(type='mmpretrain.SFA'), norm_cfg=dict(type='BN'))
        self.levels = nn.ModuleList([SpikeConv(3, 4, 3, **cfg) for _ in range(2)])
        self.levels[1].conv = self.levels[0].conv

    def forward(self, x: Tensor) -> list[Tensor]:
        return [level(x) for level in self.levels]


@MODELS.register_module()
class StandardisedConv(nn.Conv2d):
    """It transforms its weights on the way, so that scaling them first changes nothing."""

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.weight / self.weight.std(), self.bias)


BRICK = dict(neuron_cfg=dict(type='mmpretrain.SFA'), norm_cfg=dict(type='BN'))


def weight_norm(brick: SpikeConv) -> SpikeConv:
    nn.utils.weight_norm(brick.conv)
    return brick


@pytest.mark.filterwarnings('ignore:.*weight_norm')
@pytest.mark.parametrize(
    'build',
    [
        SharedConv,
        lambda: weight_norm(SpikeConv(3, 4, 3, **BRICK)),
        lambda: SpikeConv(3, 4, 3, with_spectral_norm=True, **BRICK),
        lambda: ConvModule(
            3, 4, 3, order=('act', 'conv', 'norm'), act_cfg=BRICK['neuron_cfg'],
            norm_cfg=BRICK['norm_cfg'], efficient_conv_bn_eval=True,
        ),
        lambda: SpikeConv(
            3, 4, 3, conv_cfg=dict(type='StandardisedConv'), bias=True,
            neuron_cfg=dict(type='mmpretrain.SFA'), norm_cfg=dict(type='BN'),
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_folded_is_left_alone(lively_weights: Fill, build: Callable) -> None:
    net = lively_weights(build().double()).eval()
    x = torch.rand(2, 3, 8, 8, dtype=torch.float64) * 4
    with torch.no_grad():
        plain = net(x)
        with spike_inference(net), Inputs() as inputs:
            spiking = net(x)
    torch.testing.assert_close(spiking, plain, rtol=1e-12, atol=1e-12)
    # What does not tell its weight is shown the counts once a call, for comparison.
    asked = any(effective_weight(layer) is None for layer in synapses_of(net).values())
    binary = [bool(((i == 0) | (i == 1)).all()) for i in inputs.seen]
    assert len(binary) - sum(binary) == (1 if asked else 0)


@pytest.mark.parametrize('mode', ['stepwise_attention', 'membrane'])
def test_approximations_differ_and_leave_nothing_behind(backbone: nn.Module, mode: str) -> None:
    plain = counts_of(backbone, batch())
    with spike_inference(backbone, mode):
        other = counts_of(backbone, batch())
    last = list(plain)[-1]
    assert not torch.equal(plain[last][-1], other[last][-1])
    assert (other[last][-1] <= 4).all() and other[last][-1].any()
    again = counts_of(backbone, batch())
    assert all(torch.equal(plain[name][0], again[name][0]) for name in plain)


def test_stepwise_attention_is_exact_for_single_spikes(lively_weights: Fill) -> None:
    """With D = 1 there is one step, and nothing to lose between steps."""
    arch = dict(channels=(8, 8, 16, 16), depths=(1, 1, 1, 1, 1))
    neuron = dict(type='mmpretrain.SFA', D=1)
    backbone = lively_weights(ESpikeFormer(arch, neuron_cfg=neuron)).double().eval()
    x = batch(32).double()
    plain = counts_of(backbone, x)
    with spike_inference(backbone, 'stepwise_attention'):
        other = counts_of(backbone, x)
    assert all(torch.equal(plain[name][0], other[name][0]) for name in plain)


def test_what_cannot_be_run_is_refused(backbone: nn.Module) -> None:
    with pytest.raises(ValueError, match=r"one of integer, spikes, .* got 'binary'"):
        spike_inference(backbone, 'binary').__enter__()
    with pytest.raises(ValueError, match='has no spiking neuron'):
        spike_inference(nn.Sequential(nn.Conv2d(1, 1, 1)).eval()).__enter__()
    timed = nn.Sequential(SFA(T=2)).eval()
    with pytest.raises(ValueError, match='T = 2 real time steps'):
        spike_inference(timed, 'membrane').__enter__()
    with pytest.raises(ValueError, match='model in evaluation mode'):
        spike_inference(backbone.train()).__enter__()
    assert set(MODES) == {'integer', 'spikes', 'stepwise_attention', 'membrane'}
