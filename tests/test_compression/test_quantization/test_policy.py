"""Which layer gets which quantiser."""

from __future__ import annotations

from typing import Any

import pytest
from mmengine.registry import MODELS, init_default_scope
from torch import nn

from mmsfa.compression.quantization import QuantizationError
from mmsfa.compression.quantization.policy import choose


@pytest.fixture(scope='module')
def model() -> nn.Module:
    init_default_scope('mmpretrain')
    return MODELS.build(
        dict(
            type='ImageClassifier',
            backbone=dict(type='ESpikeFormer', arch='tiny'),
            head=dict(type='SpikeLinearClsHead', num_classes=5, in_channels=128),
        )
    )


def bits(model: nn.Module, quantization: Any) -> dict[str, Any]:
    """Setting by role, which all layers of a role share here."""
    found: dict[str, Any] = {}
    for choice in choose(model, quantization).values():
        assert found.setdefault(choice.role, choice.setting) == choice.setting
    return found


def test_first_and_last_layers_stay_at_eight_bits(model: nn.Module) -> None:
    assert bits(model, 2) == dict(stem=8, depthwise=2, default=2, qkv=2, readout=8)
    assert bits(model, dict(default=2)) == bits(model, 2)
    stated = dict(default=1, stem=None, depthwise=4, qkv=2, readout=3)
    assert bits(model, stated) == stated


def test_one_role_alone(model: nn.Module) -> None:
    found = bits(model, dict(qkv=1))
    assert found.pop('qkv') == 1 and set(found.values()) == {None}


def test_names_come_first_and_the_later_pattern_over_the_earlier(model: nn.Module) -> None:
    layers = {'backbone.stages.4': 1, 'backbone.stages.4.*.mlp.*': None, '*.q_conv.conv': 5}
    chosen = choose(model, dict(default=8, layers=layers))
    for name, choice in chosen.items():
        if name.endswith('q_conv.conv'):
            assert choice.setting == 5
        elif name.startswith('backbone.stages.4.'):
            assert choice.setting == (None if '.mlp.' in name else 1)
        else:
            assert choice.setting == 8


def test_what_fits_nothing_is_refused(model: nn.Module) -> None:
    with pytest.raises(QuantizationError, match="roles stem, .*, got 'first'"):
        choose(model, dict(default=4, first=8))
    with pytest.raises(QuantizationError, match='quantization.readout is set, but no layer of ESp'):
        choose(model.backbone, dict(default=4, readout=8))
    with pytest.raises(QuantizationError, match=r"'neck\.\*', which fits no layer of ImageClass"):
        choose(model, dict(default=4, layers={'neck.*': 8}))


@pytest.mark.parametrize('setting', ['4', [4], 4.0, None])
def test_what_is_no_setting(model: nn.Module, setting: Any) -> None:
    with pytest.raises(QuantizationError, match='quantization must be a number of bits'):
        choose(model, setting)
    with pytest.raises(QuantizationError, match=r"quantization.layers must .* got \['neck'\]"):
        choose(model, dict(default=4, layers=['neck']))
