"""The decoder of masked pre-training: a small, ordinary transformer that is thrown away."""

from __future__ import annotations

from typing import Any

import torch
from mmcv.cnn import build_norm_layer
from mmpretrain.models.necks import MAEPretrainDecoder
from mmpretrain.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class SpikeMAEDecoder(MAEPretrainDecoder):
    """mmpretrain's ``MAEPretrainDecoder`` for an encoder that keeps every token in its place.

    The tokens are not shuffled back: they never were shuffled (the published code does, which
    gives each decoder position the content of another one). There is no class token, so the first
    position of ``decoder_pos_embed`` stays unused.

    Args:
        embed_dim: Channels C of the encoder.
        decoder_embed_dim: Width of the decoder.
        decoder_depth: Number of its blocks.
        decoder_num_heads: Number of heads of its attention.
        qkv_bias: Whether queries, keys and values have a bias.
        latent_norm_cfg: Config of the normalisation at the end of the encoder.
        **kwargs: Further arguments of ``MAEPretrainDecoder``.

    Shape:
        - Input: (B, C, h, w), membrane potential, and (B, h*w), bool.
        - Output: (B, h*w, patch_size^2 * in_chans).

    Source: the masked pre-training of Yao et al., https://arxiv.org/abs/2411.16061.
    """

    def __init__(
        self,
        embed_dim: int,
        decoder_embed_dim: int = 256,
        decoder_depth: int = 4,
        decoder_num_heads: int = 4,
        qkv_bias: bool = False,
        latent_norm_cfg: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            embed_dim=embed_dim,
            decoder_embed_dim=decoder_embed_dim,
            decoder_depth=decoder_depth,
            decoder_num_heads=decoder_num_heads,
            **kwargs,
        )
        if not qkv_bias:
            for block in self.decoder_blocks:
                block.attn.qkv.register_parameter('bias', None)
        # It stands here and not in the backbone, so that a checkpoint's backbone fits any task.
        self.latent_norm = build_norm_layer(latent_norm_cfg or dict(type='BN'), embed_dim)[1]

    def forward(self, latent: Tensor, mask: Tensor) -> Tensor:
        """Predict every patch.

        Args:
            latent: Map of the encoder, shape (B, C, h, w).
            mask: Which tokens are hidden, shape (B, h*w); a mask token takes their place.

        Returns:
            Shape (B, h*w, patch_size^2 * in_chans).

        Raises:
            ValueError: The decoder was built for another number of tokens.
        """
        tokens = self.latent_norm(latent).flatten(2).transpose(1, 2)  # (B, h*w, C)
        if tokens.shape[1] != self.num_patches:
            raise ValueError(
                f'The decoder was built for num_patches={self.num_patches}, got '
                f'{tokens.shape[1]} tokens: set model.neck.num_patches to (side of the picture / '
                '16)^2.'
            )
        x = torch.where(mask[..., None], self.mask_token, self.decoder_embed(tokens))
        x = x + self.decoder_pos_embed[:, 1:]
        for block in self.decoder_blocks:
            x = block(x)
        return self.decoder_pred(self.decoder_norm(x))
