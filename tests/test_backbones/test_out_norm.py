"""The norm behind each returned map: where it stands, what it counts, how it is trained."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmsfa.backbones import ESpikeFormer
from mmsfa.layers.masked import visible_at

SMALL = dict(channels=(16, 16, 24, 32), depths=(1, 1, 1, 1, 1))
ALL = (0, 1, 2, 3, 4)
Build = Callable[..., ESpikeFormer]


@pytest.fixture
def build(lively_weights: Callable[[nn.Module], nn.Module]) -> Build:
    def make(**kwargs: object) -> ESpikeFormer:
        kwargs = dict(arch=SMALL, out_norm=True) | kwargs
        return lively_weights(MODELS.build(dict(type='ESpikeFormer', **kwargs))).double()

    return make


def without_norms(model: ESpikeFormer, **kwargs: object) -> ESpikeFormer:
    """The same weights, but the maps as they are."""
    other = ESpikeFormer(SMALL, out_indices=model.out_indices, **kwargs).double()
    found = other.load_state_dict(model.state_dict(), strict=False)
    assert not found.missing_keys
    assert all(name.startswith('out_norms.') for name in found.unexpected_keys)
    return other.train(model.training)


def pictures(batch: int = 2, channels: int = 3) -> Tensor:
    draw = torch.Generator().manual_seed(0)
    return torch.randn(batch, channels, 64, 96, dtype=torch.float64, generator=draw)


@pytest.mark.parametrize('training', [True, False])
def test_each_map_has_its_own_norm(build: Build, training: bool) -> None:
    model = build(out_indices=(1, 4)).train(training)
    assert {i: norm.num_features for i, norm in model.out_norms.items()} == {'1': 16, '4': 32}
    plain = without_norms(model)(pictures())
    expected = [norm(x) for norm, x in zip(model.out_norms.values(), plain, strict=True)]
    for ours, theirs, raw in zip(model(pictures()), expected, plain, strict=True):
        assert torch.equal(ours, theirs) and not torch.allclose(ours, raw)


def test_without_the_option_nothing_has_changed(build: Build) -> None:
    names = list(build(out_norm=False).state_dict())
    assert not [name for name in names if 'norms' in name]
    with_norms = list(build().state_dict())
    assert with_norms[: len(names)] == names
    assert {name.rsplit('.', 1)[0] for name in with_norms[len(names) :]} == {
        f'out_norms.{i}' for i in (1, 2, 3, 4)
    }


def test_weights_of_a_backbone_without_norms_load(build: Build) -> None:
    plain, model = build(out_norm=False, out_indices=(4,)), build(out_indices=(4,))
    found = model.load_state_dict(plain.state_dict(), strict=False)
    assert not found.unexpected_keys
    assert {name.rsplit('.', 1)[0] for name in found.missing_keys} == {'out_norms.4'}


@pytest.mark.parametrize('out_time', ['mean', 'batch'])
def test_each_time_step_is_normed_by_itself(build: Build, out_time: str) -> None:
    """Statistics are those of T*B maps, as of every other BN; the mean comes afterwards."""
    cfg = dict(T=3, in_channels=2, out_indices=(1, 4))
    model, x = build(out_time=out_time, **cfg).train(), pictures(channels=6)
    steps = build(out_norm=False, out_time='batch', **cfg).train()(x)
    norms = deepcopy(model.out_norms)
    for ours, step, norm in zip(model(x), steps, norms.values(), strict=True):
        expected = norm(step)
        if out_time == 'mean':
            expected = expected.unflatten(0, (3, -1)).mean(0)
        torch.testing.assert_close(ours, expected, rtol=0, atol=1e-12)
    found = model.out_norms.state_dict()
    torch.testing.assert_close(found, norms.state_dict(), rtol=0, atol=1e-12)


def mask() -> Tensor:
    """Half of the 4 x 6 tokens of two pictures are seen."""
    draw = torch.Generator().manual_seed(1)
    return (torch.rand(2, 24, generator=draw).argsort(1) < 12).unflatten(1, (4, 6))[:, None]


@pytest.mark.parametrize('training', [True, False])
def test_hidden_positions_stay_zero_and_are_in_no_statistics(build: Build, training: bool) -> None:
    model, x, visible = build(out_indices=ALL).train(training), pictures(), mask()
    fresh = {i: nn.BatchNorm1d(n.num_features).double() for i, n in model.out_norms.items()}
    for i, norm in fresh.items():
        norm.load_state_dict(model.out_norms[i].state_dict())
        norm.train(training)
    plain = without_norms(model)(x, visible)
    for (i, norm), ours, raw in zip(fresh.items(), model(x, visible), plain, strict=True):
        # From the transformer blocks on all positions hold something.
        seen = visible_at(visible, raw)[:, 0] if int(i) < 3 else torch.ones(2, 4, 6).bool()
        ours, raw = ours.permute(0, 2, 3, 1), raw.permute(0, 2, 3, 1)
        assert (int(i) < 3) == (not seen.all())
        torch.testing.assert_close(ours[seen], norm(raw[seen]), rtol=0, atol=1e-9)
        assert not ours[~seen].any()
        state = model.out_norms[i].state_dict()
        torch.testing.assert_close(state, norm.state_dict(), rtol=0, atol=1e-9)


def test_a_norm_that_has_no_sparse_form_is_refused_when_it_would_be_needed(build: Build) -> None:
    model = build(out_indices=(2, 4))
    model.out_norms['2'] = nn.GroupNorm(1, 24).double()
    with pytest.raises(ValueError, match='got GroupNorm'):
        model(pictures(), mask())


def test_the_norm_of_a_frozen_stage_is_frozen(build: Build) -> None:
    model = build(frozen_stages=2, out_indices=ALL).train()
    for i, norm in model.out_norms.items():
        assert norm.training == (int(i) > 2)
        assert all(weight.requires_grad == (int(i) > 2) for weight in norm.parameters())
    before = {name: value.clone() for name, value in model.out_norms.state_dict().items()}
    sum(out.square().mean() for out in model(pictures())).backward()
    after = model.out_norms.state_dict()
    still = {name for name, value in before.items() if torch.equal(value, after[name])}
    assert {name[0] for name in before.keys() - still} == {'3', '4'}
    assert {name[0] for name in still if 'running' in name} == {'0', '1', '2'}


def test_norm_eval_holds_the_statistics(build: Build) -> None:
    model = build(norm_eval=True).train()
    assert not any(m.training for m in model.modules() if isinstance(m, _BatchNorm))
    before = {name: value.clone() for name, value in model.named_buffers()}
    sum(out.square().mean() for out in model(pictures())).backward()
    assert all(torch.equal(before[name], value) for name, value in model.named_buffers())
    assert all(norm.weight.grad.any() for norm in model.out_norms.values())


@pytest.mark.parametrize('prefix', ['', 'backbone.'])
def test_the_norms_learn_as_fast_as_a_head(build: Build, prefix: str) -> None:
    model = build(arch='tiny', out_indices=ALL)
    depths = {
        name: model.get_layer_depth(f'{prefix}{name}', prefix)
        for name, _ in model.named_parameters()
    }
    norms = {depth for name, depth in depths.items() if name.startswith('out_norms.')}
    assert norms == {(9, 10)}
    assert depths['stages.4.1.mlp.fc1.conv.weight'] == (8, 10)
    assert depths['stages.2.0.conv1.conv.weight'] == (0, 10)
