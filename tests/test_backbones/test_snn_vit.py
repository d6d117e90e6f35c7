"""SNN-ViT: its maps and sizes, what is frozen, and that every form of it follows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmsfa.backbones import SNNViT
from mmsfa.compression.quantization import QuantizedLayer, quantize
from mmsfa.compression.roles import roles_of
from mmsfa.layers import SpikeDrivenSelfAttention
from mmsfa.layers.fold import fold
from mmsfa.neurons.learnt_steps import LearntStepsError
from mmsfa.spiking import compare, in_float64, observe, streaming
from tests.helpers.saccades import open_half_of_the_gates

Fill = Callable[[nn.Module], nn.Module]
SMALL = dict(channels=32, depth=2)
SFA = dict(type='mmpretrain.SFA', D=4)


def picture(*shape: int) -> Tensor:
    return torch.randn(*(shape or (2, 3, 64, 64)))


def classifier(fill: Fill, **backbone) -> nn.Module:
    cfg = dict(type='SNNViT', **SMALL, out_indices=(2,), T=3)
    model = fill(
        MODELS.build(
            dict(
                type='mmpretrain.ImageClassifier',
                data_preprocessor=dict(mean=[128.0] * 3, std=[64.0] * 3, num_classes=5),
                backbone={**cfg, **backbone},
                neck=dict(type='GlobalAveragePooling'),
                head=dict(type='SpikeLinearClsHead', num_classes=5, in_channels=32),
            )
        )
    ).eval()
    T = model.backbone.T
    open_half_of_the_gates(model, picture(2, 3 * T, 64, 64))
    return model


@pytest.mark.parametrize('stem', ['cifar', 'imagenet'])
@pytest.mark.parametrize('size', [(64, 64), (50, 70)])
def test_maps_of_four_strides(stem: str, size: tuple[int, int]) -> None:
    backbone = SNNViT(**SMALL, stem=stem, T=2).eval()
    channels = (32, 32, 32, 32) if stem == 'cifar' else (8, 16, 32, 32)
    assert backbone.out_channels == channels and backbone.out_strides == (4, 8, 16, 32)
    with torch.no_grad():
        maps = backbone(picture(1, 3, *size))
    for one, width, stride in zip(maps, channels, (4, 8, 16, 32), strict=True):
        assert one.shape == (1, width, *(-(-side // stride) for side in size))
    assert len(backbone.stages[0 if stem == 'cifar' else 2]) == 2


def test_stages_after_the_last_map_are_not_built() -> None:
    backbone = SNNViT(**SMALL, out_indices=(1,))
    assert len(backbone.stages) == 2 and len(backbone(picture())) == 1


@pytest.mark.parametrize(
    ('settings', 'classes', 'published', 'ours'),
    [
        (dict(channels=384, mlp_ratio=10.5), 1000, 30.4, 30_533_104),
        (dict(channels=512, mlp_ratio=10.5), 1000, 53.7, 54_067_472),
        (dict(channels=256, mlp_ratio=10.5), 1000, 13.7, 13_677_264),
        (dict(channels=384, depth=2, mlp_ratio=5, stem='cifar'), 10, 5.57, 5_598_868),
    ],
)
def test_sizes_come_near_the_published_ones(
    settings: dict, classes: int, published: float, ours: int
) -> None:
    at = 0 if settings.get('stem') == 'cifar' else 2
    with torch.device('meta'):
        parts = SNNViT(**settings, out_indices=(at,)), nn.Linear(settings['channels'], classes)
    found = sum(weight.numel() for part in parts for weight in part.parameters())
    assert found == ours and abs(found / 1e6 / published - 1) < 0.01


@pytest.mark.parametrize('frozen', [-1, 0, 2])
def test_frozen_stages(frozen: int) -> None:
    backbone = SNNViT(**SMALL, frozen_stages=frozen, out_norm=True).train()
    for i in range(4):
        for part in (backbone.downsample_layers[i], backbone.stages[i], backbone.out_norms[str(i)]):
            assert all(p.requires_grad is (i > frozen) for p in part.parameters())
            assert part.training is (i > frozen)
    sum(one.mean() for one in backbone(picture())).backward()


def test_checkpointing_changes_nothing(lively_weights: Fill) -> None:
    x, found = picture(), []
    for with_cp in (False, True):
        backbone = lively_weights(SNNViT(**SMALL, T=2, with_cp=with_cp)).train()
        sum(one.square().mean() for one in backbone(x)).backward()
        block = backbone.stages[2][0]
        found.append((block.mlp.fc1.conv.weight.grad, block.mlp.fc1.norm.running_mean))
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
    assert found[0][0].any()


def test_drop_path_grows_and_time_may_stay(lively_weights: Fill) -> None:
    settings = dict(SMALL, depth=3, out_indices=(2,))
    backbone = SNNViT(**settings, drop_path_rate=0.4, T=2, out_time='batch').eval()
    rates = [getattr(block.drop_path, 'drop_prob', 0) for block in backbone.stages[2]]
    assert rates == pytest.approx([0, 0.2, 0.4])
    (steps,) = lively_weights(backbone)(picture(1, 6, 64, 64))
    assert len(steps) == 2 and not torch.equal(steps[0], steps[1])


def test_everything_learns() -> None:
    backbone = SNNViT(**SMALL, T=3).train()
    sum(one.square().mean() for one in backbone(picture(2, 9, 64, 64))).backward()
    silent = [name for name, weight in backbone.named_parameters() if not weight.grad.any()]
    assert not silent
    for block in backbone.stages[2]:
        assert not block.attn.saccade.mix.grad.triu(1).any()


def test_another_attention_and_parts_of_the_published_one() -> None:
    attn_cfg = dict(type='mmpretrain.SpikeDrivenSelfAttention', num_heads=2, v_ratio=1)
    backbone = SNNViT(**SMALL, attn_cfg=attn_cfg)
    assert isinstance(backbone.stages[2][0].attn, SpikeDrivenSelfAttention)
    backbone = SNNViT(**SMALL, attn_cfg=dict(version=1, past=0))
    attn = backbone.stages[2][0].attn
    assert attn.version == 1 and torch.equal(attn.saccade.mix, torch.eye(4))
    twin = SNNViT(**SMALL, neuron_cfg=dict(type='ReLU'), T=3)
    assert twin.stages[2][0].attn.saccade[0].mix.shape == (3, 3)


@pytest.mark.parametrize('neuron', [None, SFA], ids=['lif', 'sfa'])
@pytest.mark.parametrize('version', [1, 2])
def test_spikes_give_the_same_counts(
    lively_weights: Fill, neuron: dict | None, version: int
) -> None:
    model = classifier(lively_weights, neuron_cfg=neuron, attn_cfg=dict(version=version))
    batch = dict(inputs=[torch.randint(256, (3, 64, 64))], data_samples=None)
    stepwise = ['stepwise_attention'] if version == 2 or neuron is None else []
    gates: list[float] = []

    def fired(name: str, neuron: nn.Module, output: Tensor) -> None:
        if name.endswith('saccade'):
            gates.append(output.mean().item())

    with in_float64(model), observe(model, neuron=fired):
        for mode in ('spikes', *stepwise):
            found = compare(model, [batch], mode)
            assert found.identical and not found.uncounted and not found.not_run
            first = 'backbone.downsample_layers.0.0'
            reads = [f'{first}.{name}_conv.conv' for name in ('local', 'global')]
            expected = {**dict.fromkeys(reads, 'picture'), 'head.fc': 'potentials'}
            assert found.analog == expected
    assert min(gates) > 0.02 and max(gates) < 0.98, 'they choose'
    assert len({layer.name for layer in found.layers}) == 3 + 2 * (6 + (version == 1))


def test_it_is_folded(lively_weights: Fill) -> None:
    backbone = lively_weights(SNNViT(**SMALL, T=2)).double().eval()
    x = picture().double()
    both = fold(backbone)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in both.modules())
    for ours, expected in zip(both(x), backbone(x), strict=True):
        torch.testing.assert_close(ours, expected)


def test_four_bits_and_eight_for_what_reads_the_picture(lively_weights: Fill) -> None:
    model = quantize(classifier(lively_weights), 4)
    layers = {n: m.weight_bits for n, m in model.named_modules() if isinstance(m, QuantizedLayer)}
    first = [name for name, role in roles_of(model).items() if role == 'stem']
    assert len(first) == 2 and all(name.split('.')[-2].endswith('_conv') for name in first)
    assert {name for name, bits in layers.items() if bits == 8} >= set(first)
    assert sum(bits == 4 for bits in layers.values()) == 6 + 2 * 5


def test_a_stream_gives_the_same_scores(lively_weights: Fill) -> None:
    model = classifier(lively_weights).double()
    x = picture(2, 9, 64, 64).double()
    with torch.no_grad():
        whole = model(x)
        with streaming(model) as stream:
            for _ in range(2):
                stream.reset()
                scores = [model(step) for step in x.split(3, 1)]
                torch.testing.assert_close(scores[-1], whole, rtol=0, atol=1e-12)
            with pytest.raises(LearntStepsError, match='3 time steps.*on to step 4'):
                model(x[:, :3])


def test_weights_of_other_time_steps_are_refused() -> None:
    state = SNNViT(**SMALL, T=4).state_dict()
    with pytest.raises(LearntStepsError, match='T = 4 time steps, and the model has T = 2: set'):
        SNNViT(**SMALL, T=2).load_state_dict(state)
    SNNViT(**SMALL, T=4).load_state_dict(state)


def test_wrong_arguments() -> None:
    for message, settings in {
        r'multiple of 8 \(the stem has C/8\), got 20': dict(channels=20),
        "stem must be 'cifar' or 'imagenet', got 'mnist'": dict(stem='mnist'),
        'mlp_ratio must be greater than 0, got 0': dict(mlp_ratio=0),
        "mlp_ratio must be greater than 0, got '4'": dict(mlp_ratio='4'),
        'depth .* must be a whole number from 0 on, got -1': dict(depth=-1),
        'must lie in .* got .0.': dict(drop_path_rate='0'),
        'T=4, got T=2: leave T out of attn_cfg': dict(attn_cfg=dict(T=2)),
        'must lie in': dict(drop_path_rate=1),
        r'out_indices must name different maps of 0\.\.3 .*stride 4': dict(out_indices=(4,)),
    }.items():
        with pytest.raises(ValueError, match=message):
            SNNViT(**{**SMALL, **settings})
