"""What the argument `arch` of the backbone means."""

from __future__ import annotations

import pytest

from mmsfa.backbones.arch import SETTINGS, Arch
from mmsfa.layers.attention import SpikeDrivenSelfAttention

WIDTHS = {'base': 4, 'large': 3}  # how many channels a family is told


@pytest.mark.parametrize('name', SETTINGS)
def test_a_name_stands_for_its_settings(name: str) -> None:
    arch = Arch.of(name)
    assert arch == Arch.of(SETTINGS[name]) == Arch.of(dict(SETTINGS[name]))
    told = SETTINGS[name]['channels']
    assert len(told) == WIDTHS['large' if arch.rep_convs else 'base']
    # five maps of five stages, the first with half of C0
    assert arch.channels[: len(told) + 1] == (told[0] // 2, *told)
    assert len(arch.channels) == len(arch.depths) == 5


def test_the_families_differ_as_published() -> None:
    base, large = Arch.of('19m'), Arch.of('173m')
    assert base.depths == (1, 1, 2, 6, 2) and base.stage4_strides == (1, 2)
    # the fifth map is one downsampling layer, at stride 32
    assert large.depths == (1, 1, 2, 12, 0) and large.stage4_strides == (2,)
    assert large.channels == (98, 196, 384, 768, 768)
    assert large.transformer_block == dict(mlp_ratio=4, local=None)
    assert Arch.of('83m').transformer_block == dict(mlp_ratio=4, local='rep_conv', local_ratio=1.0)
    assert base.transformer_block == dict(mlp_ratio=4) and not base.conv_block


def test_a_dict_changes_what_it_names() -> None:
    arch = Arch.of(dict(channels=[8, 8, 16, 16], depths=[1, 0, 1, 2, 0], mlp_ratio=2))
    assert (arch.channels, arch.depths) == ((4, 8, 8, 16, 16), (1, 0, 1, 2, 0))
    assert arch.transformer_block == dict(mlp_ratio=2)
    assert arch.neuron_cfg == Arch.of('tiny').neuron_cfg


def test_an_attention_of_the_family_is_completed_and_another_is_not() -> None:
    large = Arch.of('83m')
    for kind in ('mmpretrain.SpikeDrivenSelfAttention', 'SpikeDrivenSelfAttention',
                 SpikeDrivenSelfAttention):  # fmt: skip
        found = large.complete_attention(dict(type=kind, scale=1.0))
        assert found == dict(type=kind, scale=1.0, v_ratio=1, rep_ratio=1.5)
    assert large.complete_attention(dict(order='quadratic')) == {
        **large.attn_cfg,
        'order': 'quadratic',
    }
    other = dict(type='mmpretrain.Another', scale=1.0)
    assert large.complete_attention(other) == other


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(channels=(9, 8, 16, 16)), r"'channels' \(4 numbers from C0 on, C0 even\)"),
        (dict(channels=(8, 8, 16, 16), local_ratio=1), "may have 'depths', 'mlp_ratio', got"),
        (
            dict(family='large', channels=(8, 8, 8), width=1),
            "may have 'depths', 'mlp_ratio', 'local_ratio', got",
        ),
        (dict(family='large', channels=(8, 8, 8), depths=(1,) * 5), r'of 4 stages, got \(1, 1, 1'),
        (
            dict(family='large', channels=(8, 8, 8), local_ratio=-1.0),
            r'must be None or > 0, got -1',
        ),
        (None, 'arch must be a name or a dict'),
    ],
)
def test_settings_that_are_no_architecture(settings: dict | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Arch.of(settings)
