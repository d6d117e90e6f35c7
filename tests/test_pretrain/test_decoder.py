"""The decoder gets every token at its true place, and mask tokens at the hidden ones."""

from __future__ import annotations

import pytest
import torch
from mmpretrain.models.necks import MAEPretrainDecoder
from torch import nn

from mmsfa.pretrain import SpikeMAEDecoder


@pytest.fixture
def transparent():
    """A decoder without blocks that hands its tokens on."""
    decoder = SpikeMAEDecoder(
        8, num_patches=6, decoder_embed_dim=8, decoder_depth=0, predict_feature_dim=8
    ).eval()
    nn.init.zeros_(decoder.decoder_pos_embed)
    nn.init.normal_(decoder.mask_token)
    for layer in (decoder.decoder_embed, decoder.decoder_pred):
        nn.init.eye_(layer.weight)
        nn.init.zeros_(layer.bias)
    decoder.ln1 = nn.Identity()
    decoder.latent_norm = nn.Identity()
    return decoder


def test_tokens_keep_their_places(transparent):
    latent = torch.randn(3, 8, 2, 3)
    mask = torch.rand(3, 6).argsort(1) < 3
    out = transparent(latent, mask)
    for image in range(3):
        for row in range(2):
            for column in range(3):
                token = row * 3 + column
                hidden = mask[image, token]
                expected = transparent.mask_token[0, 0] if hidden else latent[image, :, row, column]
                assert torch.equal(out[image, token], expected)


def test_each_place_has_its_own_position(transparent):
    nn.init.normal_(transparent.decoder_pos_embed)
    out = transparent(torch.zeros(1, 8, 2, 3), torch.zeros(1, 6).bool())
    assert torch.equal(out, transparent.decoder_pos_embed[:, 1:])


def test_the_norm_of_the_latent_map_comes_from_its_config(transparent):
    assert type(SpikeMAEDecoder(8, decoder_depth=0).latent_norm) is nn.BatchNorm2d
    decoder = SpikeMAEDecoder(
        8, decoder_depth=0, latent_norm_cfg=dict(type='GN', num_groups=2), num_patches=6
    )
    transparent.latent_norm = decoder.latent_norm
    latent, mask = torch.randn(3, 8, 2, 3), torch.zeros(3, 6).bool()
    normed = nn.functional.group_norm(latent, 2)
    torch.testing.assert_close(transparent(latent, mask), normed.flatten(2).transpose(1, 2))


def test_it_computes_what_the_librarys_decoder_would_compute():
    """Without hidden tokens, and with a class token that nobody attends to."""
    torch.manual_seed(0)
    cfg = dict(num_patches=4, embed_dim=8, decoder_embed_dim=8, decoder_depth=2)
    ours = SpikeMAEDecoder(**cfg, qkv_bias=True)
    ours.init_weights()
    theirs = MAEPretrainDecoder(**cfg, decoder_num_heads=4)
    theirs.load_state_dict(ours.state_dict(), strict=False)
    for block in theirs.decoder_blocks:
        attend = nn.functional.scaled_dot_product_attention
        block.attn.scaled_dot_product_attention = lambda q, k, v, attend=attend, **_: attend(
            q, k[:, :, 1:], v[:, :, 1:]
        )
    ours.latent_norm = nn.Identity()
    latent = torch.randn(2, 8, 2, 2)
    tokens = latent.flatten(2).transpose(1, 2)
    in_order = torch.arange(4).expand(2, -1)
    expected = theirs(torch.cat([torch.zeros(2, 1, 8), tokens], 1), in_order)
    found = ours(latent, torch.zeros(2, 4).bool())
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_what_the_encoder_says_at_hidden_places_is_not_used(transparent):
    latent, mask = torch.randn(2, 8, 2, 3), torch.rand(2, 6).argsort(1) < 2
    hidden = mask.unflatten(1, (2, 3))[:, None]
    other = torch.where(hidden, torch.randn_like(latent), latent)
    assert torch.equal(transparent(latent, mask), transparent(other, mask))
    assert not torch.equal(transparent(latent, mask), transparent(other + 1, mask))


def test_a_wrong_number_of_tokens_is_named(transparent):
    with pytest.raises(ValueError, match='built for num_patches=6, got 9 tokens'):
        transparent(torch.zeros(1, 8, 3, 3), torch.zeros(1, 9).bool())
