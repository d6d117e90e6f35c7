"""Effective receptive fields of attentions."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from mmsfa.backbones import ESpikeFormer
from mmsfa.errors import OptionError
from mmsfa.visualization.receptive_field import (
    attentions_of,
    describe,
    draw_fields,
    near_share,
    receptive_fields,
)

ARCH = dict(channels=(8, 8, 8, 8), depths=(1, 0, 0, 2, 1))
IMAGE = torch.randn(1, 3, 96, 128)


def backbone(lively_weights, **attn: object) -> nn.Module:
    return lively_weights(ESpikeFormer(ARCH, attn_cfg=dict(num_heads=2, **attn))).eval()


def test_every_attention_has_a_field_and_nothing_changes(lively_weights) -> None:
    model = backbone(lively_weights)
    with torch.no_grad():
        before = model(IMAGE)
        fields = receptive_fields(model, lambda: model(IMAGE), (0.2, 0.7))
        after = model(IMAGE)
    assert list(fields) == [f'stages.{i}.attn' for i in ('3.0', '3.1', '4.0')]
    for field in fields.values():
        assert field.shape == (6, 8) and field.min() >= 0
        assert field.sum() == pytest.approx(1, abs=1e-5)
        assert (field > 0).sum() > 1
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_what_is_mixed_in_from_near_lies_near(lively_weights) -> None:
    model = backbone(lively_weights, local=dict(dilations=(1,)))
    run = partial(model, IMAGE)
    with torch.no_grad():
        far = receptive_fields(model, run)['stages.3.0.attn']
        for name, module in model.named_modules():
            if name.endswith('.local'):
                module.logit.fill_(20)  # nothing but the convolution
        near = receptive_fields(model, run)['stages.3.0.attn']
    assert near_share(near, (0.5, 0.5), 1) == pytest.approx(1)
    assert near[2:5, 3:6].sum() == pytest.approx(1)
    assert near_share(far, (0.5, 0.5), 1) < 0.99


def test_it_is_drawn() -> None:
    fields = {'a.attn': torch.full((6, 8), 1 / 48), 'b.attn': torch.full((3, 4), 1 / 12)}
    figure = draw_fields(np.zeros((96, 128, 3), dtype=np.uint8), fields, (0.5, 0.5))
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ['a.attn\n100% within 5 tokens', 'b.attn\n100% within 5 tokens']


def test_a_place_that_gets_nothing_from_others_is_no_far_look() -> None:
    """As of a gate for each token."""
    field = torch.zeros(6, 8)
    field[3, 4] = 1
    assert describe(field, (0.5, 0.5), 1) == 'nothing from other tokens'
    field[3, 5] = 0.1
    assert describe(field, (0.5, 0.5), 1) == '100.0% within 5 tokens'


def test_what_has_no_attention_is_said() -> None:
    with pytest.raises(OptionError, match='Sequential has no attention on spikes'):
        attentions_of(nn.Sequential(nn.ReLU()))
    with pytest.raises(OptionError, match=r'two shares of 0 to below 1, got \(1, 0\)'):
        receptive_fields(nn.Sequential(), lambda: None, (1, 0))
