"""What the argument `arch` of the backbone means."""

from __future__ import annotations

import pytest

from mmsfa.backbones import ESpikeFormer
from mmsfa.backbones.arch import SETTINGS, Arch, complete_attention
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


@pytest.mark.parametrize('kind', ['SaccadicAttention', 'BinaryMapAttention'])
def test_an_attention_that_learns_steps_gets_those_of_the_network(kind: str) -> None:
    """Also where the neurons are ordinary activations, which have no T that it could take."""
    arch = dict(channels=(8, 8, 8, 8), depths=(0, 0, 0, 1, 0))
    attn_cfg = dict(type=f'mmpretrain.{kind}')
    for neuron_cfg in (None, dict(type='ReLU')):
        backbone = ESpikeFormer(
            arch, out_indices=(3,), T=3, attn_cfg=attn_cfg, neuron_cfg=neuron_cfg
        )
        learnt = dict(backbone.named_parameters())
        steps = [len(learnt[name]) for name in learnt if name.endswith(('mix', 'lambda_attn'))]
        assert steps == [3]
    with pytest.raises(ValueError, match=r'as the network, T=3, got T=2: leave T out of attn_cfg'):
        complete_attention(dict(attn_cfg, T=2), attn_cfg, 3)
    assert complete_attention(dict(T=None), attn_cfg, 3) == dict(attn_cfg, T=3)


def test_an_attention_by_its_name_alone() -> None:
    with pytest.raises(ValueError, match="attn_cfg must be a dict, .* got 'StepAlignedAttention'"):
        ESpikeFormer('tiny', attn_cfg='StepAlignedAttention')
