"""All layers are scored in one pass, each sample once."""

from __future__ import annotations

import torch
from mmdet.structures import DetDataSample
from torch import Tensor, nn

from mmsfa.compression.pruning import ScoreCollector, collect, singular_value_score
from mmsfa.compression.pruning.tracing import trace
from mmsfa.compression.pruning.units import units_of
from mmsfa.neurons import SFA
from tests.helpers.small_models import classifier, detector, retinanet


def images(number: int, size: int = 64) -> Tensor:
    return torch.rand(number, 3, size, size, dtype=torch.float64)


def free_units(model: nn.Module) -> list:
    return [u for u in units_of(model, trace(model, images(1))) if u.reason is None]


def test_batches_of_any_size_give_the_mean_over_samples() -> None:
    model, x = classifier(T=2), images(3)
    passes = []
    model.register_forward_hook(lambda *_: passes.append(1))
    run = [free_units(model) for _ in range(2)]
    passes.clear()
    whole = collect(ScoreCollector(model, run[0]), [x])
    assert len(passes) == 1
    parts = collect(ScoreCollector(model, run[1]), [x[:2], x[2:]])
    assert whole.keys() == parts.keys() == {unit.name for unit in run[0]}
    assert all(torch.allclose(whole[name], parts[name]) for name in whole)


def test_scores_of_a_layer_are_those_of_its_neuron() -> None:
    model, x = classifier(), images(2)
    name = 'backbone.stages.3.0.mlp'
    seen: list[Tensor] = []
    neuron = model.get_submodule(f'{name}.fc2.activate')
    assert isinstance(neuron, SFA)
    handle = neuron.register_forward_hook(lambda _m, _a, y: seen.append(y.clone()))
    found = collect(ScoreCollector(model, free_units(model)), [x])[f'{name}.fc1.conv']
    handle.remove()
    assert torch.equal(found, singular_value_score(seen[-1]).mean(0))
    assert not any(m._forward_hooks for m in model.modules())  # none is left


def test_every_layer_of_a_detector_is_scored_also_those_of_regions() -> None:
    model = detector()
    sample = dict(img_shape=(64, 64), ori_shape=(64, 64), scale_factor=(1, 1))
    batch = dict(
        inputs=[torch.rand(3, 64, 64) * 255], data_samples=[DetDataSample(metainfo=sample)]
    )
    units = free_units(model)
    model.float()
    found = collect(ScoreCollector(model, units, 'sca'), [batch])
    assert found.keys() == {unit.name for unit in units}
    assert all(scores.isfinite().all() for scores in found.values())


def test_an_ordinary_network_is_scored_where_its_layers_read() -> None:
    model = retinanet(spiking=False)
    units = free_units(model)
    found = collect(
        ScoreCollector(model, units, 'svs', max_size=8), [images(1)], lambda m, x: m._forward(x)
    )
    assert found.keys() == {unit.name for unit in units}
    assert found['backbone.layer1.0.conv1'].max() == 8


def test_what_did_not_run_has_no_scores() -> None:
    model = detector()
    found = collect(
        ScoreCollector(model, free_units(model)), [images(1)], lambda m, x: m.extract_feat(x)
    )
    assert found and not any(name.startswith('roi_head') for name in found)
