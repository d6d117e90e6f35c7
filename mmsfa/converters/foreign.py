"""Checkpoints of other models, known by the names of their tensors."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mmsfa.errors import UserError

# The first pattern that some name matches tells what it is.
_KNOWN = {
    r'block3\.\d+\.attn\.\w+\.0\.body\.|ConvBlock\w+\.\d\.Conv\.(pwconv[12]|dwconv)\.weight$': (
        'Meta-SpikeFormer (Spike-driven Transformer V2): its neurons and convolutions are others, '
        'so its weights are of no use here'
    ),
    r'backbone\.downsample_layers\.\d\.conv\.': 'already a checkpoint of mmsfa: it loads as it is',
    r'patch_embed\d?\.proj_conv\d?\.': (
        'Spikformer, QKFormer or Spike-driven Transformer V1, which have another architecture'
    ),
    r'model\.\d+\.encode_conv\.': 'SpikeYOLO, which has another architecture',
    r'stages\.\d\.(blocks\.)?\d\.token_mixer\.': 'MetaFormer, an ordinary network (a teacher?)',
    r'layer1\.0\.conv1\.': 'ResNet, an ordinary network',
    r'(blocks|layers)\.0\.attn\.(qkv|proj)\.': 'ViT, an ordinary network',
}
_START = r'^(module\.|backbone\.)*'


def refuse_foreign(names: Iterable[str]) -> None:
    """Raise an error for anything but a published E-SpikeFormer.

    Raises:
        ConversionError: It says what the checkpoint is, if that is known.
    """
    names = list(names)
    for pattern, what in _KNOWN.items():
        if any(re.search(_START + pattern, name) for name in names):
            raise ConversionError(f'This is no E-SpikeFormer but {what}.')
    if not any(re.search(_START + r'downsample1_1\.', name) for name in names):
        raise ConversionError(
            'This is no E-SpikeFormer: expected tensors like downsample1_1.encode_conv.weight, '
            f'got {", ".join(names[:3])}, ...'
        )


class ConversionError(UserError, ValueError):
    """The checkpoint is no published E-SpikeFormer, or not all of it could be converted."""
