"""Published names of masked pre-training: what follows the encoder."""

from __future__ import annotations

from collections.abc import Container

from torch import Tensor
from torch.nn import functional as F

from .rules import Rule, rename

# The decoder consists of timm's ViT blocks, `SpikeMAEDecoder` of mmpretrain's.
MAE_RULES: list[Rule] = [
    (r'^(mask_token|decoder_pos_embed)$', r'neck.\1'),
    (r'^decoder_(embed|pred)\.', r'neck.decoder_\1.'),
    (r'^decoder_norm\.', 'neck.ln1.'),
    (r'^decoder_blocks\.', 'neck.decoder_blocks.'),
    (r'^(neck\.decoder_blocks\.\d+)\.norm([12])\.', r'\1.ln\2.'),
    (r'^(neck\.decoder_blocks\.\d+)\.mlp\.fc1\.', r'\1.ffn.layers.0.0.'),
    (r'^(neck\.decoder_blocks\.\d+)\.mlp\.fc2\.', r'\1.ffn.layers.1.'),
]


def rename_decoder(name: str, names: Container[str]) -> str | None:
    """Our name of a tensor of the decoder or of the BN at the end of the encoder.

    Args:
        name: A published name.
        names: All of them.

    Returns:
        None if it is something else.
    """
    if 'decoder_embed.weight' not in names:
        return None
    module, _, leaf = name.rpartition('.')
    if '.' not in module and f'{module}.running_mean' in names:  # the only BN on top
        return f'neck.latent_norm.{leaf}'
    target = rename(name, MAE_RULES)
    return None if target == name else target


def with_class_token(pos_embed: Tensor) -> Tensor:
    """Put the (empty) position of a class token in front: (1, N, C) -> (1, 1 + N, C)."""
    return F.pad(pos_embed, (0, 0, 1, 0))
