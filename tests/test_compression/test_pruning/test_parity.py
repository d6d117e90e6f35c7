"""Scores, kept kernels and pruned networks are those of the published code of QP-SNN."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mmsfa.compression.pruning import (
    ScoreCollector,
    apply_plan,
    collect,
    kept_channels,
    masked,
    plan_pruning,
    singular_value_score,
    width_after,
)
from mmsfa.compression.pruning.scores import mean_over_steps, singular_values
from mmsfa.compression.pruning.tracing import trace
from mmsfa.compression.pruning.units import units_of
from mmsfa.neurons import LIF
from tests.helpers.quantized_cnns import NEURON, filled, vgg
from tests.helpers.seeds import seeds

Found = dict[str, Any]
CASES = [
    *(f'qpsnn_svs/{name}' for name in ('lif_T4', 'lif_ties', 'score_8x8', 'score_6x9')),
    *(f'qpsnn_svs/{name}' for name in ('keep_16_0.45', 'keep_64_0.1', 'keep_32_0.75')),
    *(f'qpsnn_model/{name}' for name in ('vgg_b4', 'vgg_b2', 'vgg_b4_pruned')),
]


def steps_first(x: Any) -> Tensor:
    """(B, T, ...), as the release has it, -> (T*B, ...)."""
    return torch.as_tensor(x).transpose(0, 1).flatten(0, 1)


def steps_second(x: Tensor, T: int) -> Tensor:
    """(T*B, ...) -> (B, T, ...)."""
    return x.unflatten(0, (T, -1)).transpose(0, 1)


def neuron(inputs: Found, config: Found, state: None) -> Found:
    x = torch.tensor(inputs['x'], requires_grad=True)
    settings = {key: value for key, value in NEURON.items() if key != 'type'}
    spikes = steps_second(LIF(T=x.shape[1], **settings)(steps_first(x)), x.shape[1])
    (spikes * torch.tensor(inputs['probe:s'])).mean().backward()
    return {'s': spikes.detach(), 'grad:x': x.grad}


def score(inputs: Found, config: Found, state: None) -> Found:
    spikes = inputs['spikes']
    maps = mean_over_steps(steps_first(spikes), spikes.shape[1])
    found = singular_value_score(maps, config['eps'])
    return dict(score=found.mean(0), sigma=singular_values(maps))


def keep(inputs: Found, config: Found, state: None) -> Found:
    scores, ratio = torch.tensor(inputs['score']), config['ratio']
    code, text = (width_after(len(scores), ratio, rule) for rule in ('code', 'text'))
    return dict(keep=kept_channels(scores, code), width_code=code, width_text=text)


def network(inputs: Found, config: Found, state: Found) -> Found:
    model, x = filled(vgg(config), state), torch.tensor(inputs['x'])
    units = [u for u in units_of(model, trace(model, x[:1])) if 'features' in u.name]
    found = {}
    for key, site in (('svs', 'neuron'), ('svs_site', 'pooled')):
        collector = ScoreCollector(model, units, 'svs', site)
        scores = collect(collector, [x], lambda model, x: model.extract_feat(x))
        for name, values in scores.items():
            found[f'{key}:relu{name.split(".")[2]}'] = values
    return found


def pruned(inputs: Found, config: Found, state: Found) -> Found:
    model, x = filled(vgg(config), state), torch.tensor(inputs['x'])
    places = [i for i, step in enumerate(config['cfg']) if step != 'M']
    ratios = {f'backbone.features.{i}': r for i, r in zip(places, config['prune'], strict=True)}
    plan = plan_pruning(
        model,
        x[:1],
        0.0,
        batches=[x],
        layers=ratios,
        site='pooled',
        run=lambda model, x: model.extract_feat(x),
    )
    kept = {i: plan.kept.get(f'backbone.features.{i}.conv') for i in places}
    with masked(model, plan):
        silenced = logits(model, x, config['T'])
    narrow = apply_plan(model, plan, fixed_scales=False)
    return {
        **{f'keep:convbn{i}': channels or list(range(32)) for i, channels in kept.items()},
        'logits': logits(narrow, x, config['T']),
        'logits_masked': silenced,
    }


@torch.no_grad()
def logits(model: Any, x: Tensor, T: int) -> Tensor:
    return steps_second(model.head.step_scores(model.extract_feat(x)), T)


ADAPTERS = {
    'qpsnn.lif': neuron,
    'qpsnn.svs': score,
    'qpsnn.keep': keep,
    'qpsnn.vgg': network,
    'qpsnn.vgg_pruned': pruned,
}


@pytest.mark.parametrize('name', CASES)
def test_case(name: str, shared_dir: Path) -> None:
    case = seeds(shared_dir).Case(name)
    # The others of the whole networks are those of the backbone.
    case.check(ADAPTERS[case.op], allow_missing=case.op == 'qpsnn.vgg')


def test_every_case_of_pruning_is_tried(shared_dir: Path) -> None:
    kit = seeds(shared_dir)
    known = {name for group in ('qpsnn_svs', 'qpsnn_model') for name in kit.names(f'{group}/')}
    assert known == set(CASES)
