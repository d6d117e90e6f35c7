"""Residual blocks: drop path, layer scale and checkpointing."""

import pytest
import torch

from mmsfa.layers import SpikeConvBlock, SpikeTransformerBlock

CFG = dict(conv_cfg=None, norm_cfg=dict(type='BN'), neuron_cfg=dict(type='mmpretrain.SFA'))
ATTENTION = dict(type='mmpretrain.SpikeDrivenSelfAttention')


def transformer_block(**kwargs):
    return SpikeTransformerBlock(16, ATTENTION, **kwargs, **CFG)


def test_drop_path_drops_whole_branches_in_training_only():
    torch.manual_seed(0)
    block = transformer_block(drop_path=0.5)
    x = torch.randn(1, 16, 4, 4).expand(200, -1, -1, -1)
    out = block(x)
    untouched = (out == x).flatten(1).all(1).float().mean()
    assert 0.05 < untouched < 0.2, 'all three branches are dropped with probability 1/8'
    block.eval()
    assert torch.equal(block(x[:1]), block(x)[7:8])


@pytest.mark.parametrize('make', [transformer_block, lambda **kw: SpikeConvBlock(16, **kw, **CFG)])
def test_checkpointing_changes_no_gradient_and_no_statistics(make):
    plain, checkpointed = make().double(), make(with_cp=True).double()
    checkpointed.load_state_dict(plain.state_dict())
    x = torch.randn(2, 16, 6, 6, dtype=torch.float64)
    grads = []
    for block in (plain.train(), checkpointed.train()):
        y = x.clone().requires_grad_()
        block(y).square().mean().backward()
        grads.append([y.grad, *(p.grad for p in block.parameters())])
    assert all(torch.equal(a, b) for a, b in zip(*grads, strict=True))
    # BN counts the batch once, though it is computed twice
    statistics = zip(plain.buffers(), checkpointed.buffers(), strict=True)
    assert all(torch.equal(a, b) for a, b in statistics)


def test_checkpointing_keeps_the_input_only():
    kept = []

    def pack(tensor):
        kept.append(tensor)
        return tensor

    block = transformer_block(with_cp=True)
    x = torch.randn(2, 16, 6, 6, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        block(x)
    assert sum(t.numel() for t in kept) <= x.numel()


def test_a_checkpoint_without_layer_scale_loads_as_ones():
    without, with_scale = transformer_block(), transformer_block(layer_scale_init=1e-6)
    with_scale.load_state_dict(without.state_dict(), strict=True)
    x = torch.randn(1, 16, 4, 4)
    assert torch.equal(with_scale.eval()(x), without.eval()(x))


def test_layer_scales_of_a_checkpoint_are_kept():
    source, target = (transformer_block(layer_scale_init=v) for v in (0.5, 1e-6))
    target.load_state_dict(source.state_dict())
    assert all((scale.weight == 0.5).all() for scale in target.layer_scales)
