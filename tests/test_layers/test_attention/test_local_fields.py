"""Local receptive fields: near values are mixed into an attention."""

from __future__ import annotations

import pytest
import torch
from mmpretrain.registry import MODELS

from mmsfa.layers import SpikeDrivenSelfAttention
from mmsfa.layers.attention.local_fields import LocalReceptiveFields
from mmsfa.spiking import spike_inference

CFG = dict(conv_cfg=None, norm_cfg=dict(type='BN'), neuron_cfg=dict(type='mmpretrain.SFA'))


def test_without_a_share_it_is_the_attention_bit_for_bit(lively_weights) -> None:
    attention = SpikeDrivenSelfAttention(16, num_heads=2, local=dict(), **CFG)
    attention = lively_weights(attention).double().eval()
    plain = SpikeDrivenSelfAttention(16, num_heads=2, **CFG).double().eval()
    left = plain.load_state_dict(attention.state_dict(), strict=False)
    assert not left.missing_keys and all('local.' in key for key in left.unexpected_keys)
    x = 2 * torch.randn(2, 16, 6, 5, dtype=torch.float64)
    assert not torch.equal(attention(x), plain(x))
    with torch.no_grad():
        attention.local.logit.fill_(-torch.inf)
    assert plain(x).unique().numel() > 20
    assert torch.equal(attention(x), plain(x))


def test_a_spike_is_seen_as_far_as_the_dilations_reach() -> None:
    fields = LocalReceptiveFields(
        2, num_heads=1, dilations=(1, 3), share=0.5, conv_cfg=None, norm_cfg=dict(type='BN')
    )
    for branch in fields.branches:
        torch.nn.init.ones_(branch.conv.weight)
    fields.eval()
    values = torch.zeros(1, 2, 9, 9)
    values[0, 0, 4, 4] = 1
    out = fields(torch.zeros(1, 1, 2, 81), values).view(2, 9, 9)
    reached = {(y - 4, x - 4) for y, x in out[0].nonzero().tolist()}
    assert reached == {(d * y, d * x) for d in (1, 3) for y in (-1, 0, 1) for x in (-1, 0, 1)}
    assert not out[1].any(), 'each channel by itself'


@pytest.mark.parametrize('kind', ['SpikeDrivenSelfAttention', 'StepAlignedAttention'])
def test_a_network_with_it_runs_on_spikes(kind: str, lively_weights) -> None:
    attn = dict(type=f'mmpretrain.{kind}', token_norm=16, local=dict(dilations=(1, 2)))
    backbone = MODELS.build(dict(type='mmpretrain.ESpikeFormer', arch='tiny', attn_cfg=attn))
    backbone = lively_weights(backbone).double().eval()
    image = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    mode = 'stepwise_attention' if kind == 'StepAlignedAttention' else 'spikes'
    with torch.no_grad():
        expected = backbone(image)
        with spike_inference(backbone, mode):
            found = backbone(image)
    for one, other in zip(found, expected, strict=True):
        assert other.std() > 0.1
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def test_wrong_settings() -> None:
    cfg = dict(conv_cfg=None, norm_cfg=dict(type='BN'))
    for wrong in ((), (0,), (1.5,), (True,), (-1,), 0, 2, '12'):
        with pytest.raises(ValueError, match='dilations of local receptive fields must be whole'):
            LocalReceptiveFields(8, 2, wrong, **cfg)
    for share in (1.0, 0, '0.1', None):
        with pytest.raises(ValueError, match=f'share must be between 0 and 1, got {share!r}'):
            LocalReceptiveFields(8, 2, share=share, **cfg)
