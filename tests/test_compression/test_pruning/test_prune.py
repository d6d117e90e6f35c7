"""Pruned models compute what masked ones do; wrong use gets a sentence."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mmsfa.compression.pruning import (
    Plan,
    PruningError,
    apply_plan,
    check_plan,
    masked,
    plan_pruning,
)
from mmsfa.compression.pruning.tracing import outputs_of
from mmsfa.compression.quantization import quantize
from mmsfa.layers.fold import fold, merge_branches
from mmsfa.spiking import spike_inference
from tests.helpers.small_models import LARGE, classifier, detector, retinanet, segmentor

IMAGE = torch.rand(1, 3, 64, 64, dtype=torch.float64)
RESCAW = dict(type='mmpretrain.ReScaWQuantizer', bits=4)


def large_merged() -> nn.Module:
    model = classifier(LARGE)
    merge_branches(model)
    return model


def off_centre(model: nn.Module) -> nn.Module:
    """Filters whose mean is not 0: what is left of one has another mean."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.add_(0.3 * module.weight.std())
    return model


MODELS: dict[str, Callable[[], nn.Module]] = {
    'classifier': classifier,
    'in time, with layer scales': lambda: classifier(T=2, layer_scale_init=0.5, out_norm=True),
    'large': lambda: classifier(LARGE),
    'large, merged': large_merged,
    'Mask R-CNN': detector,
    'RetinaNet': lambda: retinanet(spiking=True),
    'ResNet of mmdet': lambda: retinanet(spiking=False),
    'UperNet': segmentor,
    'quantised': lambda: quantize(classifier(), dict(default=RESCAW)),
    'quantised Mask R-CNN': lambda: quantize(detector(), 2),
    'one bit': lambda: quantize(off_centre(classifier()), 1),
}


def plan(model: nn.Module, ratio: float = 0.5, criterion: str = 'random', **options: Any) -> Plan:
    batches = [IMAGE] if criterion in ('svs', 'sca') else None
    return plan_pruning(model, IMAGE, ratio, criterion, batches, run=outputs_of, **options)


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(('name', 'shared'), [('classifier', False), *((n, True) for n in MODELS)])
def test_removed_channels_are_masked_channels(name: str, shared: bool) -> None:
    model = MODELS[name]()
    found = plan(model, shared=shared)
    narrow = apply_plan(deepcopy(model), found)
    with torch.no_grad():
        whole = outputs_of(model, IMAGE)
        with masked(model, found):
            wanted = outputs_of(model, IMAGE)
        given = outputs_of(narrow, IMAGE)
    assert not all(torch.allclose(a, b) for a, b in zip(whole, wanted, strict=True))
    for a, b in zip(given, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6)
    assert count(narrow) < (0.4 if shared else 0.85) * count(model)
    check_plan(model, narrow, found, IMAGE)


def test_a_narrow_model_folds_and_fires_as_any_other() -> None:
    model = classifier()
    narrow = apply_plan(model, plan(model, shared=True))
    with torch.no_grad():
        (wanted,) = narrow.extract_feat(IMAGE)
        torch.testing.assert_close(fold(narrow).extract_feat(IMAGE)[0], wanted)
        with spike_inference(narrow):
            torch.testing.assert_close(narrow.extract_feat(IMAGE)[0], wanted)


def test_dead_channels_go_first() -> None:
    model = classifier()
    block: Any = model.backbone.stages[3][0].mlp
    dead = [3, 40, 77]
    with torch.no_grad():
        for part in (block.fc1.bn.weight, block.fc1.bn.bias):
            part[dead] = 0
        block.fc1.bn.bias += 5  # all others fire
        block.fc1.bn.bias[dead] = -1
    before = outputs_of(model, IMAGE)
    name = 'backbone.stages.3.0.mlp.fc1.conv'
    for criterion in ('svs', 'bn_gamma'):
        found = plan(model, 0.0, criterion, layers={name: 3 / 128})
        assert sorted(set(range(128)) - set(found.kept[name])) == dead
    after = outputs_of(apply_plan(model, found), IMAGE)
    torch.testing.assert_close(after, before, rtol=1e-12, atol=1e-12)


def test_each_head_keeps_as_many_channels() -> None:
    found = plan(classifier(), 0.5)
    heads = [channel // 4 for channel in found.kept['backbone.stages.3.0.attn.q_conv.conv']]
    assert heads == [head for head in range(8) for _ in range(2)]


def test_scales_that_follow_their_weights_give_another_model() -> None:
    """gamma of ReScaW is a mean over the inputs: those that go had a part in it."""
    model = quantize(classifier(), dict(default=RESCAW))
    found = plan(model)
    fixed, free = (apply_plan(deepcopy(model), found, fixed) for fixed in (True, False))
    with torch.no_grad(), masked(model, found):
        wanted = outputs_of(model, IMAGE)
    assert not torch.allclose(outputs_of(free, IMAGE)[0], wanted[0], atol=1e-3)
    torch.testing.assert_close(outputs_of(fixed, IMAGE), wanted)


def test_what_stays_is_named() -> None:
    found = plan(classifier(), 0.5, 'bn_gamma', layers={'backbone.stages.3': 0})
    assert found.stay['head.fc'] == 'it gives an output of the model'
    assert found.stay['backbone.stages.3.0.mlp.fc1.conv'] == 'as asked'
    assert found.stay['backbone.downsample_layers.3.conv'] == '4 layers give it together'
    bare = plan(detector(), 0.5, 'bn_gamma')
    assert bare.stay['rpn_head.rpn_conv'] == 'it has no BN'


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (dict(criterion='svd'), "criterion must be one of svs, .* got 'svd'"),
        (dict(ratio=1), r'must lie in \[0, 1\), got 1'),
        (dict(ratio=0.8), 'leaves none of the 4 channels of each of the 8 heads of .*q_conv.conv'),
        (dict(layers={'backbone.stage': 0.2}), "'backbone.stage' fits no layer"),
        (dict(rounding='up'), "rounding must be 'code' or 'text'"),
        (dict(max_size=0), 'max_size must be at least 1 row and column, got 0'),
    ],
)
def test_wrong_use_gets_a_sentence(options: dict, words: str) -> None:
    with pytest.raises(PruningError, match=words):
        plan(classifier(), **options)


def test_scores_of_spikes_need_data() -> None:
    with pytest.raises(PruningError, match="criterion='svs' scores spikes: it needs batches"):
        plan_pruning(classifier(), IMAGE, 0.5)
    with pytest.raises(PruningError, match='No layer could be scored: no data came'):
        plan_pruning(classifier(), IMAGE, 0.5, batches=[])


def test_a_model_without_layers_that_can_be_pruned() -> None:
    with pytest.raises(PruningError, match='No layer of Sequential has channels'):
        plan_pruning(nn.Sequential(nn.Conv2d(3, 4, 1)), torch.rand(1, 3, 4, 4), 0.5, 'l1')


class Turned(nn.Module):
    """Which channel meets which depends on the picture: no graph tells."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.first(x).flip(1))


def test_channels_that_were_followed_wrongly_are_found() -> None:
    model, image = Turned().double().eval(), torch.rand(1, 3, 4, 4, dtype=torch.float64)
    found = plan_pruning(model, image, 0.5, 'l1')
    with pytest.raises(PruningError, match='Turned mixes channels in a way that cannot be follow'):
        check_plan(model, apply_plan(deepcopy(model), found), found, image)


@pytest.mark.parametrize('fires', [True, False])
def test_a_check_on_silence_is_said(fires: bool) -> None:
    model = classifier()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d) and not fires:
            nn.init.constant_(module.bias, -9)
    plan = plan_pruning(model, IMAGE, 0.5, 'l1')
    narrowed = apply_plan(deepcopy(model), plan)
    with warnings.catch_warnings(record=True) as said:
        check_plan(model, narrowed, plan, IMAGE)
    assert fires != any('neuron layers fired nothing' in str(one.message) for one in said)
