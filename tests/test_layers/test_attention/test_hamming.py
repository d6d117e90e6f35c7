"""Hamming attention: the similarity of binary vectors, linear in the tokens."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmsfa.compression.pruning import apply_plan, check_plan, plan_pruning
from mmsfa.layers.attention.hamming import HammingAttention, HammingProduct
from mmsfa.neurons import SFA
from mmsfa.neurons.functional import straight_through
from mmsfa.spiking import spike_inference

CFG = dict(conv_cfg=None, norm_cfg=dict(type='BN'), neuron_cfg=dict(type='mmpretrain.SFA'))


def product_of(D: int = 4, constant: bool = False) -> HammingProduct:
    product = HammingProduct(scale=1 / 8).double()
    product.constant = constant
    product.reads(*(SFA(D=D) for _ in range(3)))
    return product


def fired(D: int = 4) -> list[Tensor]:
    torch.manual_seed(0)
    shapes = [(2, 3, channels, 12) for channels in (4, 4, 8)]
    return [torch.randint(0, D + 1, shape).double() / D for shape in shapes]


@pytest.mark.parametrize('D', [1, 4])
@pytest.mark.parametrize('constant', [False, True])
def test_it_counts_channels_that_agree(D: int, constant: bool) -> None:
    """In the quadratic order, with 1 - Hamming / d, or the same less 1/2."""
    inputs = fired(D)
    wanted: Tensor | int = 0
    for q, k, v in zip(*(SFA(D=D).spikes_of(x) for x in inputs), strict=True):
        agree = (q.unsqueeze(-1) == k.unsqueeze(-2)).double().mean(2)  # (B, heads, N, N)
        similarity = agree if constant else agree - 0.5
        wanted = wanted + v @ similarity.transpose(-2, -1) / D
    product = product_of(D, constant)
    torch.testing.assert_close(product(*inputs), wanted, rtol=1e-14, atol=1e-14)
    assert torch.equal(product.stepwise(*inputs), product(*inputs))


@pytest.mark.parametrize('constant', [False, True])
@pytest.mark.parametrize('D', [1, 2, 4])
def test_the_spikes_next_to_the_count_share_its_gradient(D: int, constant: bool) -> None:
    """As the slope of every spike between whole counts, from both sides: a tent of width 2."""
    inputs = [x.requires_grad_() for x in fired(D)]
    weights = torch.randn(2, 3, 8, 12, dtype=torch.float64)
    found = torch.autograd.grad((product_of(D, constant)(*inputs) * weights).sum(), inputs)

    def spikes_of(x: Tensor) -> list[Tensor]:
        count, sides = x * D, []
        for step in range(D):
            # clip(C - d, 0, 1) a little below and a little above; the ends of 0..D have one side
            below = count - 1e-9 * ((count > 0.5) * 2 - 1)
            above = count + 1e-9 * ((count < D - 0.5) * 2 - 1)
            ramp = [(one - step).clamp(0, 1) for one in (below, above)]
            sides.append(straight_through(sum(ramp) / 2, (count > step + 0.5).double()))
        return sides

    out: Tensor | int = 0
    for q, k, v in zip(*(spikes_of(x) for x in inputs), strict=True):
        similarity = (2 * k - 1).transpose(-2, -1) @ (2 * q - 1) + 4 * constant
        out = out + v @ similarity / (8 * D)
    wanted = torch.autograd.grad((out * weights).sum(), inputs)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_gradients_do_not_explode_behind_many_attentions(lively_weights) -> None:
    """Silence agrees, so a gradient for each silent step grew tenfold with every second block."""
    norms = []
    for kind in ('SpikeDrivenSelfAttention', 'HammingAttention'):
        attn = dict(type=f'mmpretrain.{kind}', token_norm=16)
        torch.manual_seed(0)
        backbone = MODELS.build(dict(type='mmpretrain.ESpikeFormer', arch='tiny', attn_cfg=attn))
        backbone = lively_weights(backbone).train()
        backbone(torch.randn(4, 3, 64, 64))[-1].square().mean().backward()
        norms.append(backbone.downsample_layers[0].conv.weight.grad.norm())
    assert norms[1] < 10 * norms[0]


def test_its_additions_grow_with_spikes_and_tokens() -> None:
    product, inputs = product_of(), fired()
    silent = [torch.zeros_like(x) for x in inputs]
    rows = 2 * 3 * (2 * 8 * 4 + 8 * 12)  # of each step: matrix and difference, and all tokens
    assert product.additions(*silent) == 4 * rows
    q, k, v = (SFA(D=4).spikes_of(x) for x in inputs)
    pairs = torch.einsum('sbhdn,sbhen->', k, v)
    assert product.additions(*inputs) == pairs + q.sum() * 8 + v.sum() + 4 * rows


@pytest.mark.parametrize('constant', [False, True])
def test_a_network_runs_on_binary_spikes_alone(constant: bool, lively_weights) -> None:
    attn = dict(type='mmpretrain.HammingAttention', token_norm=16, constant=constant)
    backbone = MODELS.build(dict(type='mmpretrain.ESpikeFormer', arch='tiny', attn_cfg=attn))
    backbone = lively_weights(backbone).double().eval()
    image = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        expected = backbone(image)
        with spike_inference(backbone, 'stepwise_attention'):
            found = backbone(image)
    for one, other in zip(found, expected, strict=True):
        assert other.std() > 0.1
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def test_queries_that_are_silent_are_not_pruned(lively_weights) -> None:
    """A channel without spikes agrees with another one without spikes."""
    attn = dict(type='mmpretrain.HammingAttention')
    arch = dict(channels=(8, 8, 16, 16), depths=(1, 1, 1, 1, 1))
    model: nn.Module = MODELS.build(
        dict(type='mmpretrain.ESpikeFormer', arch=arch, attn_cfg=attn, out_indices=(4,))
    )
    model = lively_weights(model).double().eval()
    image = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    plan = plan_pruning(model, image, 0.5, 'l1')
    assert not any('q_conv' in name for name in plan.kept)
    assert 'product that cannot be followed' in plan.stay['stages.3.0.attn.q_conv.conv']
    whole = deepcopy(model)
    check_plan(whole, apply_plan(model, plan), plan, image)
    assert plan.kept


def test_the_scale_is_half_of_one_over_d() -> None:
    assert HammingAttention(16, num_heads=2, **CFG).product.scale == 1 / 16
    assert HammingAttention(16, num_heads=2, scale=0.3, **CFG).product.scale == 0.3
    for message, settings in {
        r'multiple of num_heads=3, got 16\.': dict(num_heads=3),
        'num_heads must be a whole number from 1 on, got 0': dict(num_heads=0),
        "constant must be True or False, got 'yes'": dict(constant='yes'),
        "scale must be None or a number greater than 0, got '0.1'": dict(scale='0.1'),
    }.items():
        with pytest.raises(ValueError, match=message):
            HammingAttention(16, **settings, **CFG)
