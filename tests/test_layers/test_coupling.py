"""Branches meet by a coupling: the ordinary one, and another that only keeps the contract."""

import pytest
import torch
from torch import nn

from mmsfa.layers import SpikeConvBlock, SpikeTransformerBlock
from mmsfa.layers.coupling import Residual, Reversible, Stage

CFG = dict(conv_cfg=None, norm_cfg=dict(type='BN'), neuron_cfg=dict(type='mmpretrain.SFA'))


class TwoStreams(Residual):
    """Reversible: each branch reads one stream and is added to the mean of both."""

    def begin(self, x):
        return x, x

    def join(self, state, branch):
        old, new = state
        return new, (old + new) / 2 + branch(new)

    def end(self, state):
        return sum(state) / 2


def blocks(kind, n=2, **kwargs):
    torch.manual_seed(0)
    if kind == 'conv':
        made = [SpikeConvBlock(8, **CFG, **kwargs) for _ in range(n)]
    else:
        attn = dict(type='mmpretrain.SpikeDrivenSelfAttention', num_heads=2)
        made = [SpikeTransformerBlock(8, attn, **CFG, **kwargs) for _ in range(n)]
    return [block.double() for block in made]


@pytest.fixture
def x():
    draw = torch.Generator().manual_seed(1)
    return torch.randn(2, 8, 6, 6, dtype=torch.float64, generator=draw) * 3


@pytest.mark.parametrize('kind', ['conv', 'transformer'])
def test_a_stage_is_a_sequential_with_a_mask(kind, x):
    made = blocks(kind)
    stage, plain = Stage(*made).eval(), nn.Sequential(*made).eval()
    assert list(stage.state_dict()) == list(plain.state_dict())
    assert torch.equal(stage(x), plain(x))


def test_the_mask_reaches_every_block(x):
    stage = Stage(*blocks('conv')).eval()
    visible = torch.zeros(2, 1, 3, 3, dtype=torch.bool)
    visible[:, :, :2] = True
    seen = visible.repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert (stage(x * seen, visible)[(~seen).expand(2, 8, 6, 6)] == 0).all()


@pytest.mark.parametrize('kind', ['conv', 'transformer'])
def test_branches_are_applied_one_after_the_other(kind, x):
    (block,) = (b.eval() for b in blocks(kind, 1))
    expected = x
    for branch in block.branches():
        expected = expected + branch(expected)
    assert torch.equal(block(x), expected) and not torch.equal(expected, x)


@pytest.mark.parametrize('with_cp', [False, True])
def test_another_coupling_carries_two_streams(with_cp, x):
    coupling = TwoStreams()
    made = blocks('conv', coupling=coupling, with_cp=with_cp)
    stage = Stage(*made, coupling=coupling).eval()
    x.requires_grad_()
    out = stage(x)
    old = new = x
    for block in made:
        for branch in block.branches():
            old, new = new, (old + new) / 2 + branch(new)
    assert torch.equal(out, (old + new) / 2)
    out.sum().backward()
    assert x.grad.abs().sum() > 0
    # the branches can be taken back, one by one
    for block in reversed(made):
        for branch in reversed(block.branches()):
            old, new = 2 * (new - branch(old)) - old, old
    assert torch.allclose(old, x) and torch.allclose(new, x)


def test_the_reversible_coupling_adds_to_the_mean_of_both(x):
    coupling = Reversible()
    old = torch.randn_like(x)
    assert coupling.begin(x) == (x, x)
    joined = coupling.join((old, x), torch.sin)
    assert joined[0] is x and torch.equal(joined[1], x.sin() + (old + x) / 2)
    torch.testing.assert_close(coupling.part(joined, torch.sin)[0], old)
    assert torch.equal(coupling.end(joined), sum(joined) / 2)
    assert torch.equal(Reversible('both').end(joined), torch.cat(joined, 1))
    with pytest.raises(ValueError, match="must be 'mean' or 'both', got 'sum'"):
        Reversible('sum')


def test_without_branches_the_streams_tend_to_a_third_and_two(x):
    old, new = torch.randn_like(x), x
    limit = (old + 2 * new) / 3
    state = old, new
    for _ in range(60):
        state = Reversible().join(state, torch.zeros_like)
    torch.testing.assert_close(state, (limit, limit), rtol=0, atol=1e-12)


def test_branches_are_taken_back_in_float64_and_not_in_float32(lively_weights):
    """Each way back doubles the error of rounding, and an error flips spikes."""
    cfg = dict(CFG, neuron_cfg=dict(type='mmpretrain.LIF', T=4, detach_reset=True))
    attn = dict(type='mmpretrain.BinaryMapAttention', num_heads=2)
    coupling = Reversible()
    made = nn.Sequential(
        *(SpikeTransformerBlock(16, attn, local=None, coupling=coupling, **cfg) for _ in range(8))
    )
    lively_weights(made).eval()
    start = 2 * torch.randn(4, 16, 6, 6, dtype=torch.float64)
    errors = {}
    with torch.no_grad():
        for dtype in (torch.float64, torch.float32):
            made.to(dtype)
            state = coupling.begin(start.to(dtype))
            for block in made:
                state = block(state)
            for block in reversed(made):
                for branch in reversed(block.branches()):
                    state = coupling.part(state, branch)
            errors[dtype] = max((one - start).abs().max().item() for one in state)
    assert errors[torch.float64] < 1e-8
    assert errors[torch.float32] > 0.1
