"""The published decoder, built from timm's blocks, computes the same as ours after conversion."""

from __future__ import annotations

from functools import partial

import torch
from timm.models.vision_transformer import Block
from torch import nn

from mmsfa.converters import convert
from mmsfa.pretrain import SpikeMAEDecoder


class PublishedDecoder(nn.Module):
    def __init__(self, channels: int, width: int, tokens: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(channels)
        self.pos_embed = nn.Parameter(torch.zeros(1, tokens, channels))
        self.mask_token = nn.Parameter(torch.zeros(1, 1, width))
        self.decoder_pos_embed = nn.Parameter(torch.zeros(1, tokens, width))
        self.decoder_embed = nn.Linear(channels, width)
        self.decoder_blocks = nn.ModuleList(
            Block(width, 4, 4, norm_layer=partial(nn.LayerNorm, eps=1e-6)) for _ in range(2)
        )
        for block in self.decoder_blocks:
            assert block.attn.qkv.bias is None
        self.decoder_norm = nn.LayerNorm(width, eps=1e-6)
        self.decoder_pred = nn.Linear(width, 768)

    def forward(self, latent: torch.Tensor) -> torch.Tensor:  # (B, C, h, w)
        x = self.decoder_embed(self.norm(latent.flatten(2)).transpose(1, 2))
        x = x + self.decoder_pos_embed
        for block in self.decoder_blocks:
            x = block(x)
        return self.decoder_pred(self.decoder_norm(x))


@torch.no_grad()
def test_it_computes_the_same() -> None:
    torch.manual_seed(0)
    published = PublishedDecoder(24, 16, 12).double()
    for tensor in published.state_dict().values():
        if tensor.is_floating_point():
            tensor.uniform_(-0.5, 1)
    published.norm.running_var.uniform_(0.5, 1)
    state_dict, leftover = convert(published.state_dict())
    assert not leftover
    ours = SpikeMAEDecoder(
        24, decoder_embed_dim=16, decoder_depth=2, decoder_num_heads=4, num_patches=12
    ).double()
    ours.load_state_dict({name.removeprefix('neck.'): t for name, t in state_dict.items()})
    latent = torch.randn(2, 24, 3, 4, dtype=torch.float64)
    nothing_hidden = torch.zeros(2, 12, dtype=torch.bool)
    got = ours.eval()(latent, nothing_hidden)
    torch.testing.assert_close(got, published.eval()(latent), rtol=1e-9, atol=1e-9)
