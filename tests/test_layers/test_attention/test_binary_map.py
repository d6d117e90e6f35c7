"""Attention with a map of spikes: what it computes, what it costs, whose time steps it knows."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmsfa.layers import SpikeDrivenSelfAttention
from mmsfa.layers.attention.binary_map import (
    BinaryMapAttention,
    LambdaError,
    LearntMatmul,
    SpikeMatmul,
    map_neuron,
    output_neuron,
)
from mmsfa.layers.effective_weight import has_product
from mmsfa.neurons import LIF, SFA
from mmsfa.spiking.measure.operations import OperationCounter
from mmsfa.spiking.measure.uncounted import uncounted

Fill = Callable[[nn.Module], nn.Module]
NEURONS = dict(
    sfa=dict(type='mmpretrain.SFA', D=4),
    lif=dict(type='mmpretrain.LIF', T=2, v_threshold=0.5, detach_reset=True),
)


def attention(fill: Fill, neuron: str = 'sfa', **settings) -> BinaryMapAttention:
    cfg = dict(conv_cfg=None, norm_cfg=dict(type='BN'), neuron_cfg=NEURONS[neuron])
    return fill(BinaryMapAttention(16, 2, **cfg, **settings)).double().eval()


def picture(*size: int) -> Tensor:
    return 3 * torch.randn(2, 16, *(size or (4, 5)), dtype=torch.float64)


@pytest.mark.parametrize('map', ['qk', 'kv'])
def test_it_gathers_and_adds(lively_weights: Fill, map: str) -> None:
    """Each spike of the map (qk) or of q (kv) adds one vector times lambda / 8."""
    made = attention(lively_weights, map=map)
    with torch.no_grad():
        made.product.lambda_attn.uniform_(0.5, 1.5)
    outputs: list[Tensor] = []
    for one in (made.scores, made.product):
        one.register_forward_hook(lambda _m, _i, out: outputs.append(out))
    x = picture()
    made(x)
    q, k, v = (
        conv(made.neuron(x)).flatten(2).unflatten(1, (2, 8))
        for conv in (made.q_conv, made.k_conv, made.v_conv)
    )
    pair = (k.transpose(2, 3) @ q) if map == 'qk' else (v @ k.transpose(2, 3))
    assert torch.equal(outputs[0], pair)
    chosen = (pair > 0.5).double()
    assert 0.02 < chosen.mean() < 0.98
    gathered = torch.zeros_like(outputs[1])
    rows, columns = (v, chosen) if map == 'qk' else (chosen, q)
    for place in range(columns.shape[2]):  # (B, heads, I, K), (B, heads, K, J)
        gathered += rows[:, :, :, place, None] * columns[:, :, place, None, :]
    assert torch.equal(outputs[1], gathered * (0.125 * made.product.lambda_attn[0]))


@pytest.mark.parametrize('transposed', [None, 'first', 'second'])
def test_additions_are_those_of_every_pair_of_spikes(transposed: str | None) -> None:
    product = SpikeMatmul(transposed, 0.5)
    product.reads(SFA(D=4), SFA(D=2))
    a = torch.randint(0, 5, (2, 3, 5, 7)).double() / 4
    b = torch.randint(0, 3, (2, 3, 7, 6)).double() / 2
    if transposed == 'first':
        a = a.transpose(2, 3)
    if transposed == 'second':
        b = b.transpose(2, 3)
    left, right = product._matrices(a, b)
    pairs = (left.mul(4)[..., None] * right.mul(2)[:, :, None]).sum()
    assert product.additions(a, b) == pairs
    assert product.macs(a, b) == 2 * 3 * 5 * 7 * 6
    assert torch.equal(product(a, b), 0.5 * left @ right)
    # of two and four steps: only the first two of both meet
    steps = [(left >= (d + 1) / 4).double() @ (right >= (d + 1) / 2).double() for d in range(2)]
    assert torch.equal(product.stepwise(a, b), sum(steps) * (0.5 / 8))


def test_products_run_in_float32_under_autocast() -> None:
    a = torch.ones(1, 1, 4, 70000)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        out = SpikeMatmul('second')(a.bfloat16(), a.bfloat16())
    assert out.dtype == torch.float32 and (out == 70000).all()


@pytest.mark.parametrize('map', ['qk', 'kv'])
@pytest.mark.parametrize('neuron', NEURONS)
def test_everything_in_it_is_counted(lively_weights: Fill, neuron: str, map: str) -> None:
    made = nn.Sequential(attention(lively_weights, neuron, map=map))
    x = picture()
    counter = OperationCounter(made)
    with torch.no_grad(), uncounted(made) as unknown:
        made(x)
    counter.attach()
    with torch.no_grad():
        made(x)
    counter.detach()
    assert not unknown
    found = counter.layers()
    N = 20
    macs = 2 * N * N * 16 if map == 'qk' else 2 * N * 8 * 16
    for name in ('0.scores', '0.product'):
        assert found[name].macs == macs and found[name].analog_macs == 0 and found[name].acs > 0
    assert not has_product(made[0].product)


def test_neurons_of_the_map_and_of_the_output(lively_weights: Fill) -> None:
    made = attention(lively_weights, 'lif')
    own, of_map, behind = made.neuron, made.map_neuron, made.proj.activate
    assert [type(one) for one in (own, of_map, behind)] == [LIF] * 3
    assert [(one.v_reset, one.v_threshold) for one in (own, of_map, behind)] == [
        (0.0, 0.5),
        (None, 0.5),
        (0.0, 0.5),
    ]
    assert map_neuron(NEURONS['sfa']) == dict(type='mmpretrain.SFA', D=1, norm=None)
    assert output_neuron(dict(type=LIF)) == dict(type=LIF, v_threshold=0.5)
    relu = dict(type='ReLU')
    assert map_neuron(relu) == output_neuron(relu) == relu


@pytest.mark.parametrize('arch', ['tiny', dict(family='large', channels=(16, 16, 16))])
def test_it_is_one_line_in_an_espikeformer(lively_weights: Fill, arch: str | dict) -> None:
    settings = dict(type='mmpretrain.BinaryMapAttention', map='kv', num_heads=2, score_scale=0.7)
    backbone = MODELS.build(
        dict(type='mmpretrain.ESpikeFormer', arch=arch, out_indices=(3,), attn_cfg=settings)
    )
    found = [m for m in backbone.modules() if isinstance(m, BinaryMapAttention)]
    assert len(found) == backbone.arch.depths[3] and found[0].scores.factor == 0.7
    assert not any(isinstance(m, SpikeDrivenSelfAttention) for m in backbone.modules())
    maps = lively_weights(backbone)(torch.randn(1, 3, 64, 64))
    maps[0].mean().backward()
    assert all(one.product.lambda_attn.grad.any() for one in found)
    assert all(one.map_neuron.D == 1 for one in found)


def test_a_smaller_scale_lets_the_map_choose(lively_weights: Fill) -> None:
    x, shares = picture(16, 16), []
    for scale in (1.0, 0.05):
        made = attention(lively_weights, map='kv', score_scale=scale)
        fired: list[Tensor] = []
        made.map_neuron.register_forward_hook(lambda _m, _i, out, fired=fired: fired.append(out))
        made(x)
        shares.append(fired[0].mean().item())
    assert shares[0] > 0.8 > 0.6 > shares[1] > 0.05


def test_factors_belong_to_time_steps(lively_weights: Fill) -> None:
    made = attention(lively_weights, 'lif')
    state = made.state_dict()
    other = LearntMatmul(3, 2, 0.125)
    with pytest.raises(LambdaError, match=r'for T = 2 time steps, and the model has T = 3:'):
        other.load_state_dict({'lambda_attn': state['product.lambda_attn']})
    assert made.product.lambda_attn.shape == (2, 1, 2, 1, 1)
    with torch.no_grad():
        made.product.lambda_attn[1] = 3.0
        a, b = torch.ones(2, 2, 4, 3), torch.ones(2, 2, 3, 4)
        out = made.product(a, b)
    assert torch.equal(out[1], 3 * out[0])
    for step in range(2):  # a stream holds one step at a time
        made.product.step = step
        with torch.no_grad():
            assert torch.equal(made.product(a[:1], b[:1]), out[step : step + 1])


def test_weights_of_the_other_map_say_so(lively_weights: Fill) -> None:
    state = attention(lively_weights, map='qk').state_dict()
    with pytest.warns(UserWarning, match="trained with map='qk', this model has map='kv'"):
        attention(lively_weights, map='kv').load_state_dict(state)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        attention(lively_weights, map='qk').load_state_dict(state)
        attention(lively_weights, map='kv').load_state_dict(dict(state))  # nothing is known of it


def test_wrong_arguments(lively_weights: Fill) -> None:
    cfg = dict(conv_cfg=None, norm_cfg=dict(type='BN'), neuron_cfg=NEURONS['sfa'])
    with pytest.raises(ValueError, match=r'multiple of num_heads=8, got 12\.'):
        BinaryMapAttention(12, **cfg)
    with pytest.raises(ValueError, match="map must be 'qk'.*got 'vk'"):
        BinaryMapAttention(16, map='vk', **cfg)
    for name, wrong in dict(score_scale=0, scale='0.1').items():
        with pytest.raises(ValueError, match=f'{name} must be a number greater than 0, got'):
            BinaryMapAttention(16, **{name: wrong}, **cfg)
