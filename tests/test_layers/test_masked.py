"""Sparse convolution stages: zeros stay zeros, nothing leaks, statistics are of what is seen."""

from __future__ import annotations

import pytest
import torch
from mmpretrain.registry import MODELS
from torch import nn

from mmsfa.errors import UserError
from mmsfa.layers import SpikeConv, SpikeConvBlock, SpikeSepConv
from mmsfa.layers.masked import masked_norm, visible_at

ARCHS = dict(
    base=dict(channels=(16, 16, 24, 32), depths=(1, 1, 2, 1, 1)),
    large=dict(family='large', channels=(16, 24, 32), depths=(1, 1, 2, 2), local_ratio=1.0),
)
LAST = dict(base=4, large=3)


@pytest.fixture(params=ARCHS)
def build(request, lively_weights):
    def make(**kwargs):
        cfg = dict(
            type='ESpikeFormer', arch=ARCHS[request.param], out_indices=(LAST[request.param],)
        )
        return lively_weights(MODELS.build({**cfg, **kwargs})).double()

    return make


def example(seed=0, batch=3, size=(64, 96)):
    """Pictures and which of their tokens are seen: half of them."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(batch, 3, *size, dtype=torch.float64, generator=draw)
    grid = size[0] // 16, size[1] // 16
    order = torch.rand(batch, grid[0] * grid[1], generator=draw).argsort(1)
    visible = (order < grid[0] * grid[1] // 2).unflatten(1, grid)[:, None]
    return x, visible


def sparse_layers(model):
    for part in (*model.downsample_layers[:4], *model.stages[:3]):  # all but the blocks at 16
        for layer in part.modules():
            if isinstance(layer, (SpikeConv, SpikeSepConv, SpikeConvBlock)):
                yield layer


def statistics(model):
    return {name: buffer.clone() for name, buffer in model.named_buffers() if 'running' in name}


def test_a_mask_is_brought_to_the_size_of_a_map():
    visible = torch.tensor([[[[True, False, True]]]])
    found = visible_at(visible, torch.zeros(1, 5, 4, 12))
    assert found.shape == (1, 1, 4, 12) and found.dtype == torch.bool
    assert found[0, 0].tolist() == [[True] * 4 + [False] * 4 + [True] * 4] * 4
    for wrong in (torch.zeros(1, 5, 4, 13), torch.zeros(2, 5, 4, 12)):
        with pytest.raises(ValueError, match='must be a multiple of it, got a mask'):
            visible_at(visible, wrong)


def test_a_mask_of_another_algorithm_is_refused():
    """SimMIM gives 1 for what is hidden, on a grid of its own, without an axis of channels."""
    x = torch.zeros(2, 3, 64, 64)
    backbone = MODELS.build(dict(type='ESpikeFormer', arch=ARCHS['base'], out_indices=(4,)))
    for wrong in (torch.ones(2, 4, 4), torch.ones(2, 1, 4, 4).long(), torch.ones(2, 16) > 0):
        with pytest.raises(UserError, match='visible must be bool .*got torch.*SpikeMAE'):
            backbone(x, wrong)


@pytest.mark.parametrize('kind', [nn.BatchNorm2d, nn.SyncBatchNorm])
def test_statistics_are_those_of_the_visible_positions(kind):
    torch.manual_seed(0)
    norm, plain = kind(4), nn.BatchNorm1d(4)
    nn.init.uniform_(norm.weight, 0.5, 2)
    plain.load_state_dict(norm.state_dict())
    x = torch.randn(3, 4, 6, 8) + 1
    visible = torch.rand(3, 1, 6, 8) > 0.6
    seen = visible[:, 0]
    out = masked_norm(norm, x * visible, visible)
    expected = plain(x.permute(0, 2, 3, 1)[seen])
    torch.testing.assert_close(out.permute(0, 2, 3, 1)[seen], expected, rtol=0, atol=1e-6)
    assert not out.permute(0, 2, 3, 1)[~seen].any()
    torch.testing.assert_close(norm.state_dict(), plain.state_dict())

    norm.eval(), plain.eval()
    out = masked_norm(norm, x * visible, visible)
    expected = plain(x.permute(0, 2, 3, 1)[seen])
    torch.testing.assert_close(out.permute(0, 2, 3, 1)[seen], expected, rtol=0, atol=1e-6)
    assert not out.permute(0, 2, 3, 1)[~seen].any()


def test_statistics_of_the_batch_stay_sparse_in_evaluation():
    x, visible = torch.randn(2, 4, 4, 4), torch.rand(2, 1, 4, 4) > 0.5
    norm = nn.BatchNorm2d(4, track_running_stats=False)
    expected = masked_norm(norm, x, visible)
    assert torch.equal(masked_norm(norm.eval(), x, visible), expected)


def test_a_norm_that_has_no_sparse_form_is_refused():
    with pytest.raises(ValueError, match=r'got GroupNorm: set norm_cfg=dict\(type=.BN.\)'):
        masked_norm(nn.GroupNorm(1, 4), torch.zeros(1, 4, 2, 2), torch.ones(1, 1, 2, 2).bool())


@pytest.mark.parametrize('training', [True, False])
def test_masked_positions_stay_zero_after_every_sparse_layer(build, training):
    model, (x, visible) = build().train(training), example()
    seen = []

    def check(layer, args, out):
        mask = visible_at(visible, out)
        hidden = out.masked_select(~mask)
        seen.append((hidden.numel() > 0, hidden.any().item(), out.masked_select(mask).any().item()))

    layers = list(sparse_layers(model))
    for layer in layers:
        layer.register_forward_hook(check)
    model(x, visible)
    assert len(seen) == len(layers) > 10
    assert set(seen) == {(True, False, True)}


def test_a_layer_without_norm_hides_too():
    cfg = dict(neuron_cfg=dict(type='mmpretrain.SFA'), bias=True)
    layer, (x, visible) = SpikeConv(3, 8, 3, stride=2, norm_cfg=None, **cfg), example()
    out = layer(x.float(), visible)
    assert not out.masked_select(~visible_at(visible, out)).any()
    torch.testing.assert_close(out, layer(x.float()) * visible_at(visible, out))
    assert out.any()


@pytest.mark.parametrize('order', [('norm', 'act', 'conv'), ('act', 'norm', 'conv')])
def test_a_norm_in_front_of_the_convolution_sees_what_is_visible(order):
    cfg = dict(neuron_cfg=dict(type='mmpretrain.SFA'), norm_cfg=dict(type='BN'))
    layer, (x, visible) = SpikeConv(3, 8, 3, stride=2, order=order, **cfg).double(), example()
    torch.nn.init.uniform_(layer.norm.bias, 1, 2)  # a plain BN would fill the hidden positions
    seen = visible_at(visible, x)
    out = layer(x * seen, visible)
    fired = layer.activate(x * seen) if order[0] == 'act' else x * seen
    values = fired.permute(0, 2, 3, 1)[seen[:, 0]]
    torch.testing.assert_close(layer.norm.running_mean, 0.1 * values.mean(0), rtol=0, atol=1e-12)
    assert out.masked_select(visible_at(visible, out)).any()
    assert not out.masked_select(~visible_at(visible, out)).any()
    changed = torch.where(seen, x, 1e3)
    assert torch.equal(layer(changed, visible), layer(x, visible))


def before_the_dense_blocks(model, x, visible):
    """Every map in front of the first transformer block, and the last map."""
    kept = []
    hooks = [
        part.register_forward_hook(lambda layer, args, out: kept.append(out))
        for part in sparse_layers(model)
    ]
    kept += model(x, visible)
    for hook in hooks:
        hook.remove()
    return kept


@pytest.mark.parametrize('training', [True, False])
def test_masked_pixels_change_nothing_before_the_first_dense_block(build, training):
    model, (x, visible) = build().train(training), example()
    pixels = visible_at(visible, x)
    start = {name: value.clone() for name, value in model.state_dict().items()}
    first = before_the_dense_blocks(model, x, visible)
    after = statistics(model)

    model.load_state_dict(start)
    changed = torch.where(pixels, x, 1e3 * torch.randn_like(x))
    second = before_the_dense_blocks(model, changed, visible)
    assert len(first) == len(second) > 10
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert all(torch.equal(after[name], value) for name, value in statistics(model).items())

    model.load_state_dict(start)
    shifted = before_the_dense_blocks(model, torch.where(pixels, x + 0.1, x), visible)
    assert not any(torch.equal(a, b) for a, b in zip(first, shifted, strict=True))


def test_no_gradient_reaches_masked_pixels(build):
    model, (x, visible) = build().train(), example()
    model(x.requires_grad_(), visible)[0].square().sum().backward()
    pixels = visible_at(visible, x).expand_as(x)
    assert not x.grad[~pixels].any()
    assert (x.grad[pixels] != 0).double().mean() > 0.9


@pytest.mark.parametrize('training', [True, False])
def test_a_mask_that_hides_nothing_is_the_dense_pass(build, training):
    model, (x, visible) = build(norm_cfg=dict(type='BN')).train(training), example()
    start = {name: value.clone() for name, value in model.state_dict().items()}
    (dense,) = model(x)
    after = statistics(model)
    model.load_state_dict(start)
    (masked,) = model(x, torch.ones_like(visible))
    torch.testing.assert_close(masked, dense, rtol=0, atol=1e-9)
    torch.testing.assert_close(statistics(model), after, rtol=0, atol=1e-9)


def test_a_pass_inside_another_pass_disturbs_neither(build):
    model = build().train()
    (x, visible), (y, other) = example(0), example(1, batch=2, size=(48, 64))
    expected = model(x, visible)[0], model(y, other)[0], model(y)[0]
    inner = []

    def pass_through(*_):
        if not inner:
            inner.append(None)
            inner[:] = model(y, other)[0], model(y)[0]

    model.stages[1][0].register_forward_hook(pass_through)  # in the middle of the sparse stages
    outer = model(x, visible)[0]
    assert len(inner) == 2
    for found, true in zip((outer, *inner), expected, strict=True):
        assert torch.equal(found, true)


def test_checkpointing_gives_the_same_gradients_and_statistics(build):
    x, visible = example()
    results = []
    for with_cp in (False, True):
        model = build(with_cp=with_cp).train()
        out = model(x, visible)[0]
        out.square().sum().backward()
        grads = {name: weight.grad for name, weight in model.named_parameters()}
        results.append((out, grads, statistics(model)))
    (out, grads, stats), (cp_out, cp_grads, cp_stats) = results
    assert torch.equal(out, cp_out)
    torch.testing.assert_close(grads, cp_grads, rtol=0, atol=0)
    torch.testing.assert_close(stats, cp_stats, rtol=0, atol=0)
