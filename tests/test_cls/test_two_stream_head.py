"""The head of two streams, and the published losses on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmsfa.cls import DistilledImageClassifier, TwoStreamLinearClsHead
from tests.helpers.seeds import seeds

Found = dict[str, Any]
CASES = [f'best_losses/{name}' for name in ('hard', 'soft_tau1', 'soft_tau3', 'none')]


def head(num_classes: int = 3, in_channels: int = 8, **settings) -> TwoStreamLinearClsHead:
    return TwoStreamLinearClsHead(num_classes, in_channels, **settings)


def test_each_head_reads_its_stream() -> None:
    made, feats = head(), torch.randn(2, 8)
    older, newer = made.fc(feats[:, :4]), made.fc_kd(feats[:, 4:])
    assert all(
        torch.equal(a, b) for a, b in zip(made.forward_heads((feats,)), (older, newer), strict=True)
    )
    assert torch.equal(made((feats,)), (older + newer) / 2)
    with pytest.raises(ValueError, match=r"2C of the backbone with out_streams='both', got 7"):
        head(in_channels=7)


def test_without_a_teacher_both_learn_from_the_labels() -> None:
    made = head()
    samples = [DataSample().set_gt_label(i) for i in range(2)]
    made.loss((torch.randn(2, 8),), samples)['loss'].backward()
    assert made.fc.weight.grad.any() and made.fc_kd.weight.grad.any()


class Passes(BaseModule):
    """A backbone that hands on what it gets."""

    def forward(self, x: Tensor) -> tuple[Tensor]:
        return (x,)


def distill(inputs: Found, config: Found, state: None) -> Found:
    """What both heads and the teacher say is the input of a model that hands it on."""
    heads = [torch.tensor(inputs[name], requires_grad=True) for name in ('head1', 'head2')]
    number, classes = heads[0].shape
    loss = dict(type='CrossEntropyLoss', use_soft='soft_labels' in inputs)
    model = DistilledImageClassifier(
        backbone=dict(type=Passes),
        head=dict(
            type='TwoStreamLinearClsHead',
            num_classes=classes,
            in_channels=2 * classes,
            loss=loss,
        ),
        teacher=dict(type='mmpretrain.ImageClassifier'),
        teacher_ckpt='never read',
        kd_type=config['type'] if config['type'] != 'none' else 'hard',
        kd_alpha=config['alpha'] if config['type'] != 'none' else 0.0,
        kd_tau=config['tau'],
    ).double()
    says = torch.tensor(inputs['teacher'])
    model.teacher._model = Says(says)
    for one in (model.head.fc, model.head.fc_kd):
        one.weight.data, one.bias.data = torch.eye(classes).double(), torch.zeros(classes).double()
    samples = [DataSample() for _ in range(number)]
    for i, sample in enumerate(samples):
        if 'labels' in inputs:
            sample.set_gt_label(int(np.asarray(inputs['labels'])[i]))
        else:
            sample.set_gt_score(torch.tensor(inputs['soft_labels'][i]))
    losses = model.loss(torch.cat(heads, 1), samples)
    total = sum(value for value in losses.values())
    assert isinstance(total, Tensor)
    found = torch.autograd.grad(total, heads, allow_unused=True)
    pairs = zip(('head1', 'head2'), heads, found, strict=True)
    return {
        'loss': total,
        **{f'grad:{n}': torch.zeros_like(x) if g is None else g for n, x, g in pairs},
    }


class Says(nn.Module):
    """A teacher of fixed scores."""

    def __init__(self, scores: Tensor) -> None:
        super().__init__()
        self.scores = scores

    def forward(self, _inputs: Tensor) -> Tensor:
        return self.scores


@pytest.mark.parametrize('name', CASES)
def test_published_losses(name: str, shared_dir: Path) -> None:
    seeds(shared_dir).Case(name).check(distill)


def test_every_case_is_tried(shared_dir: Path) -> None:
    assert seeds(shared_dir).names('best_losses/') == CASES


@pytest.mark.parametrize(('classes', 'expected'), [(10, 9_314_884), (100, 9_384_184)])
def test_the_published_sizes(classes: int, expected: int) -> None:
    with torch.device('meta'):
        parts = [
            MODELS.build(dict(type='BESTformer', out_indices=(0,), out_streams='both')),
            head(classes, 2 * 384),
        ]
    assert sum(p.numel() for part in parts for p in part.parameters()) == expected
