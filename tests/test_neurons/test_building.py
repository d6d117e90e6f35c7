"""Parts of a neuron from their configs."""

from __future__ import annotations

import pytest

from mmsfa.neurons import AFT, UniformState
from mmsfa.neurons.building import build_part


def build(setting: object, **given: object) -> UniformState:
    return build_part(setting, UniformState, 'state_quant', 'a right one', 'bits', **given)


def test_a_config_and_the_part_itself() -> None:
    cfg = dict(type='UniformState', bits=3)
    built = build(cfg, momentum=0.5)
    assert (built.bits, built.momentum) == (3, 0.5) and cfg['type'] == 'UniformState'
    assert build(built) is built


@pytest.mark.parametrize('wrong', [3, {}, dict(type='AFT'), dict(type='no such'), AFT()])
def test_what_it_is_not_gets_a_sentence(wrong: object) -> None:
    with pytest.raises(ValueError, match='state_quant must be the config of a UniformState, as a '):
        build(wrong)


def test_a_setting_that_it_does_not_take_is_named() -> None:
    with pytest.raises(
        ValueError, match="state_quant has a setting .*'bit'. UniformState takes bi"
    ):
        build(dict(type='UniformState', bit=3))
