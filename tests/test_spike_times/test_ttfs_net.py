"""The backbone: the published network of the kit, digits, and inputs that do not fit."""

from __future__ import annotations

import logging
from math import inf
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.registry import MODELS, init_default_scope
from torch.nn import functional as F

from mmsfa.cls import TTFSHead
from mmsfa.spike_times import SpikeTimeError, TTFSNet
from tests.helpers.seeds import seeds
from tests.helpers.small_digits import small_digits

WINDOW = dict(type='mmpretrain.WindowTTFS')


def network(inputs: dict, config: dict, state: dict) -> dict[str, Any]:
    *_, width, classes = config['fc']
    net = TTFSNet(config['conv'], config['fc'][1:-1], 3, (8, 8), 'conv', WINDOW).double()
    head = TTFSHead(classes, width, rule=WINDOW).double()
    layers = {
        'conv.0.cnn': net.features[0],
        'conv.3.cnn': net.features[2],
        'conv.5.cnn': net.features[3],
        'fc.0.linear': net.dense[0],
        'fc.2.linear': head.fc,
    }
    stages: list[torch.Tensor] = []
    for name, layer in layers.items():
        layer.weight.data = torch.tensor(state[f'{name}.weight'])
        layer.register_forward_hook(lambda _, x, output: stages.append(output))
    logits = head(net(torch.tensor(inputs['x'])))
    loss = F.cross_entropy(logits, torch.tensor(inputs['labels']))
    loss.backward()
    coded, *hidden, _ = stages
    fired = torch.cat([(coded > 0).flatten(), *(t.isfinite().flatten() for t in hidden)])
    at_start = torch.where(hidden[-1].isfinite(), 1 - hidden[-1], 0)
    return {
        'logits': logits,
        'logits_start': F.linear(at_start, head.fc.weight),
        'loss': loss,
        'sparsity': (int(fired.sum()) + logits.numel()) / (fired.numel() + logits.numel()),
        **{f'stage:t{i}': t for i, t in enumerate(hidden)},
        **{f'grad:{name}.weight': layer.weight.grad for name, layer in layers.items()},
    }


def test_case(shared_dir: Path) -> None:
    (name,) = seeds(shared_dir).names('ttfs_model/')
    seeds(shared_dir).Case(name).check(network)


@pytest.mark.parametrize(('rule', 'readout'), [
    (dict(type='ReLPSP'), 'first_spike'),  # STDBP
    (dict(type='ReLPSP', theta0=2.0, beta=1.0, t_max=2.0), 'potential'),
])  # fmt: skip
def test_it_learns_digits(rule: dict, readout: str) -> None:
    torch.manual_seed(0)
    init_default_scope('mmpretrain')
    pictures, digits = small_digits(2000, seed=0)
    model = MODELS.build(
        dict(
            type='ImageClassifier',
            backbone=dict(
                type='TTFSNet', plan=(), fc=(48,), in_channels=1, input_size=(8, 8), rule=rule
            ),
            head=dict(type='TTFSHead', num_classes=10, in_channels=48, rule=rule, readout=readout),
        )
    )
    epochs, batch = 15, 64
    optimizer = torch.optim.Adam(model.parameters())
    steps = epochs * -(-len(pictures) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, total_steps=steps)
    for _ in range(epochs):
        for chosen in torch.randperm(len(pictures)).split(batch):
            scores = model.head(model.backbone(pictures[chosen]))
            optimizer.zero_grad()
            F.cross_entropy(scores, digits[chosen]).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            schedule.step()
    others, labels = small_digits(500, seed=1)
    with torch.no_grad():
        right = model(others).argmax(1) == labels
    assert right.double().mean() >= 0.95


def test_sizes() -> None:
    maps = TTFSNet((4, 'M', 8, 'M'), in_channels=2)(torch.rand(2, 2, 13, 10))
    assert [tuple(t.shape) for t in maps] == [(2, 8, 3, 2)]
    net = TTFSNet((4, 'M'), (6,), 2, (13, 10))
    assert net(torch.rand(2, 2, 13, 10))[0].shape == (2, 6)
    times = TTFSNet(('M',), code=None)(torch.full((1, 3, 2, 2), 0.5))
    assert times[0].tolist() == [[[[0.5]], [[0.5]], [[0.5]]]]


def test_a_black_batch_teaches_nothing_but_has_an_answer() -> None:
    net, black = TTFSNet((4,)), torch.zeros(2, 3, 6, 6)
    with pytest.raises(SpikeTimeError, match='Nothing fires in this whole batch of 2'):
        net(black)
    net.eval()
    assert not net(black)[0].isnan().any()


def test_a_network_that_has_fallen_silent_is_named_once() -> None:
    seen: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: seen.append(record.getMessage())  # type: ignore[method-assign]
    handler.addFilter(lambda record: 'silent neurons' in record.getMessage())
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    net = TTFSNet((4, 'M', 4), fc=(5,), input_size=(6, 6))
    pictures = torch.rand(2, 3, 6, 6)
    net(pictures)
    assert not seen
    net.features[2].weight.data.fill_(-1)
    for _ in range(2):
        assert (net(pictures)[0] == inf).all()
    assert len(seen) == 1 and 'features.2 (0.0% fire), dense.0 (0.0% fire) were silent' in seen[0]
    net.features[0].weight.data.fill_(-1)
    net.eval()(pictures)
    assert len(seen) == 1
    net.train()(pictures)
    logger.removeHandler(handler)
    assert len(seen) == 2 and 'features.0 (0.0% fire) were silent' in seen[1]


@pytest.mark.parametrize(('settings', 'words'), [
    (dict(code='rate'), "'pixels', 'conv' or None.*got 'rate'"),
    (dict(plan=(), code='conv'), 'must begin with a width'),
    (dict(fc=(4,)), 'need the input_size'),
    (dict(plan=(4, 'A')), "a width or 'M', got 'A'"),
])  # fmt: skip
def test_settings_out_of_range_are_refused(settings: dict, words: str) -> None:
    with pytest.raises(SpikeTimeError, match=words):
        TTFSNet(**settings)


@pytest.mark.parametrize('shape', [(2, 2, 8, 8), (2, 3, 8, 7), (3, 8, 8)])
def test_inputs_that_do_not_fit_are_named(shape: tuple) -> None:
    with pytest.raises(SpikeTimeError, match=r'shape \(B, 3, 8, 8\), got .*change in_channels'):
        TTFSNet((4,), (5,), input_size=(8, 8))(torch.rand(shape))
