"""BESTformer: its maps, its two streams, what is frozen, and that every form of it follows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmsfa.backbones import BESTformer
from mmsfa.compression.memory import weight_bytes
from mmsfa.compression.quantization import QuantConv2d
from mmsfa.compression.roles import roles_of
from mmsfa.layers import SpikeDrivenSelfAttention
from mmsfa.layers.attention.binary_map import LambdaError
from mmsfa.spiking import compare, in_float64, streaming

Fill = Callable[[nn.Module], nn.Module]
SMALL = dict(channels=32, depth=2, num_heads=4)
SFA = dict(type='mmpretrain.SFA', D=4)


def picture(*shape: int) -> Tensor:
    return torch.randn(*(shape or (2, 3, 64, 64)))


def classifier(fill: Fill, **backbone) -> nn.Module:
    cfg = dict(type='BESTformer', **SMALL, out_indices=(0,), out_streams='both')
    head = dict(type='TwoStreamLinearClsHead', num_classes=5, in_channels=64)
    return fill(
        MODELS.build(
            dict(
                type='mmpretrain.ImageClassifier',
                data_preprocessor=dict(mean=[128.0] * 3, std=[64.0] * 3, num_classes=5),
                backbone={**cfg, **backbone},
                neck=dict(type='GlobalAveragePooling'),
                head=head,
            )
        )
    ).eval()


@pytest.mark.parametrize(('map', 'stem'), [('qk', 'cifar'), ('kv', 'imagenet')])
@pytest.mark.parametrize('size', [(64, 64), (50, 70)])
def test_maps_of_four_strides(map: str, stem: str, size: tuple[int, int]) -> None:
    backbone = BESTformer(**SMALL, map=map, T=2).eval()
    first = 32 if stem == 'cifar' else 16
    assert backbone.out_channels == (first, 32, 32, 32)
    assert backbone.out_strides == (4, 8, 16, 32)
    with torch.no_grad():
        maps = backbone(picture(1, 3, *size))
    for one, channels, stride in zip(maps, backbone.out_channels, (4, 8, 16, 32), strict=True):
        assert one.shape == (1, channels, *(-(-side // stride) for side in size))
    assert len(backbone.stages[0 if stem == 'cifar' else 2]) == 2
    other = BESTformer(**SMALL, map=map, stem='imagenet' if stem == 'cifar' else 'cifar')
    assert other.out_channels != backbone.out_channels


def test_stages_after_the_last_map_are_not_built() -> None:
    backbone = BESTformer(**SMALL, map='kv', out_indices=(1,))
    assert len(backbone.stages) == 2 and len(backbone(picture())) == 1


def test_all_weights_but_the_first_have_one_bit(lively_weights: Fill) -> None:
    model = classifier(lively_weights)
    convs = {name: m for name, m in model.named_modules() if isinstance(m, nn.Conv2d)}
    binary = {name for name, m in convs.items() if isinstance(m, QuantConv2d)}
    roles = roles_of(model)
    assert set(convs) - binary == {name for name, role in roles.items() if role == 'stem'}
    assert len(binary) == 4 + 2 * 6
    for name in binary:
        assert convs[name].effective_weight().unique().tolist() == [-1, 1]
        assert weight_bytes(model)[name] == convs[name].weight.numel() // 8
    assert {roles[f'head.{name}'] for name in ('fc', 'fc_kd')} == {'readout'}
    assert 'backbone.stages.0.0.attn.product' not in roles


def test_both_streams_and_their_mean(lively_weights: Fill) -> None:
    both = lively_weights(BESTformer(**SMALL, out_indices=(0,), out_streams='both')).eval()
    mean = BESTformer(**SMALL, out_indices=(0,)).eval()
    mean.load_state_dict(both.state_dict())
    x = picture()
    with torch.no_grad():
        (streams,), (one,) = both(x), mean(x)
    older, newer = streams.chunk(2, 1)
    assert not torch.equal(older, newer)
    torch.testing.assert_close(one, (older + newer) / 2)
    plain = lively_weights(BESTformer(**SMALL, out_indices=(0,), reversible=False)).eval()
    assert not torch.equal(plain(x)[0], one)


@pytest.mark.parametrize('frozen', [-1, 0, 2])
def test_frozen_stages(frozen: int) -> None:
    backbone = BESTformer(**SMALL, map='kv', frozen_stages=frozen, out_norm=True).train()
    for i in range(4):
        for part in (backbone.downsample_layers[i], backbone.stages[i], backbone.out_norms[str(i)]):
            assert all(p.requires_grad is (i > frozen) for p in part.parameters())
            assert part.training is (i > frozen)
    maps = backbone(picture())
    sum(one.mean() for one in maps).backward()


def test_checkpointing_changes_nothing(lively_weights: Fill) -> None:
    x = picture()
    found = []
    for with_cp in (False, True):
        torch.manual_seed(0)
        backbone = lively_weights(BESTformer(**SMALL, T=2, with_cp=with_cp)).train()
        sum(one.square().mean() for one in backbone(x)).backward()
        norm = backbone.stages[0][0].mlp.fc1.norm
        found.append((backbone.stages[0][0].mlp.fc1.conv.weight.grad, norm.running_mean))
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
    assert found[0][0].any()


def test_another_attention(lively_weights: Fill) -> None:
    attn_cfg = dict(type='mmpretrain.SpikeDrivenSelfAttention', num_heads=2, v_ratio=1)
    backbone = lively_weights(BESTformer(**SMALL, T=2, out_indices=(0,), attn_cfg=attn_cfg))
    assert isinstance(backbone.stages[0][0].attn, SpikeDrivenSelfAttention)
    assert backbone(picture())[0].std() > 0.1
    scaled = BESTformer(**SMALL, attn_cfg=dict(score_scale=0.5))
    assert scaled.stages[0][0].attn.scores.factor == 0.5


def test_drop_path_grows_to_the_last_block() -> None:
    backbone = BESTformer(channels=16, depth=3, num_heads=2, drop_path_rate=0.4)
    rates = [getattr(block.drop_path, 'drop_prob', 0) for block in backbone.stages[0]]
    assert rates == pytest.approx([0, 0.2, 0.4])


@pytest.mark.parametrize('neuron', [None, SFA], ids=['lif', 'sfa'])
@pytest.mark.parametrize('map', ['qk', 'kv'])
def test_spikes_give_the_same_counts(lively_weights: Fill, neuron: dict | None, map: str) -> None:
    at = 0 if map == 'qk' else 2
    model = classifier(
        lively_weights, map=map, out_indices=(at,), neuron_cfg=neuron, T=1 if neuron else 2
    )
    batch = dict(inputs=[torch.randint(256, (3, 64, 64))], data_samples=None)
    with in_float64(model):
        found = compare(model, [batch])
    assert found.identical and not found.uncounted and not found.not_run
    first, *rest = found.analog
    assert first == 'backbone.downsample_layers.0.0.conv' and rest == ['head.fc', 'head.fc_kd']
    fired = {layer.name for layer in found.layers}
    assert len(fired) == 4 + 2 * 8


def test_a_stream_takes_the_factors_of_its_step(lively_weights: Fill) -> None:
    model = classifier(lively_weights, T=3).double()
    with torch.no_grad():
        for block in model.backbone.stages[0]:
            block.attn.product.lambda_attn.uniform_(0.5, 3)
        x = picture(2, 9, 32, 32).double()
        whole = model(x)
        with streaming(model) as stream:
            for _ in range(2):
                stream.reset()
                scores = [model(step) for step in x.split(3, 1)]
                torch.testing.assert_close(scores[-1], whole, rtol=0, atol=1e-12)
            with pytest.raises(LambdaError, match='factors for 3 time steps.*on to step 4'):
                model(x[:, :3])
        torch.testing.assert_close(model(x), whole, rtol=0, atol=0)


def test_weights_of_other_time_steps_are_refused() -> None:
    state = BESTformer(**SMALL, T=4).state_dict()
    with pytest.raises(LambdaError, match=r'T = 4 time steps, and the model has T = 2: set T=4'):
        BESTformer(**SMALL, T=2).load_state_dict(state)


def test_wrong_arguments() -> None:
    for message, settings in {
        r'multiple of 8 \(the stem has C/8\), got 20': dict(channels=20),
        "map must be 'qk' or 'kv', got 'q'": dict(map='q'),
        "stem must be 'cifar' or 'imagenet', got 'mnist'": dict(stem='mnist'),
        'must lie in': dict(drop_path_rate=1),
        r'out_indices must name different maps of 0\.\.3 .*stride 4': dict(out_indices=(4,)),
        r'frozen_stages must lie in -1\.\.3': dict(frozen_stages=4),
        "'both' is for the map of the blocks as the last": dict(out_streams='both'),
        'reversible=False has one': dict(out_streams='both', reversible=False),
        "out .of two streams. must be 'mean' or 'both'": dict(out_streams='all'),
    }.items():
        with pytest.raises(ValueError, match=message):
            BESTformer(**{**SMALL, **settings})
