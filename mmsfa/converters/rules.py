"""Published names of layers, in our words: one list of rules for each family and part."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence

from torch import Tensor
from torch.nn import functional as F

Rule = tuple[str, str]  # a pattern for `re.sub` and what stands there instead

BACKBONE_PARTS = ('downsample', 'ConvBlock', 'block')
COMMON_RULES: list[Rule] = [
    (r'^downsample1_1\.', 'downsample_layers.0.'),
    (r'^downsample1_2\.', 'downsample_layers.1.'),
    (r'^downsample([234])\.', r'downsample_layers.\1.'),
    (r'^ConvBlock1_1\.0\.', 'stages.0.0.'),
    (r'^ConvBlock1_2\.0\.', 'stages.1.0.'),
    (r'^ConvBlock2_1\.0\.', 'stages.2.0.'),
    (r'^ConvBlock2_2\.0\.', 'stages.2.1.'),
    (r'^block([34])\.', r'stages.\1.'),
    (r'\.encode_(conv|bn)\.', r'.\1.'),
    (r'\.attn\.proj_conv\.', '.attn.proj.'),
    (r'\.mlp\.(fc[12])_(conv|bn)\.', r'.mlp.\1.\2.'),
    (r'\.layer_scale1$', '.layer_scales.0.weight'),
    (r'\.layer_scale2$', '.layer_scales.1.weight'),
    (r'\.layer_scale3$', '.layer_scales.2.weight'),
]


def rename(name: str, rules: Sequence[Rule]) -> str:
    """Apply the rules one after the other, each at most once."""
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name, count=1)
    return name


BASE_RULES: list[Rule] = [
    *COMMON_RULES,
    # Sequential(conv, BN)
    (r'\.[Cc]onv\.(pwconv1|dwconv|pwconv2)\.0\.', r'.sep_conv.\1.conv.'),
    (r'\.[Cc]onv\.(pwconv1|dwconv|pwconv2)\.1\.', r'.sep_conv.\1.bn.'),
    (r'\.attn\.(\w+)\.0\.', r'.attn.\1.conv.'),
    (r'\.attn\.(\w+)\.1\.', r'.attn.\1.bn.'),
    (r'^(stages\.[012]\.\d)\.(conv|bn)([12])\.', r'\1.conv\3.\2.'),
]


LARGE_RULES: list[Rule] = [
    *COMMON_RULES,
    # Sequential(container over time(conv, BN)); pre-training has no container
    (r'^(stages\.[012]\.\d\.conv[12])\.0\.0\.', r'\1.conv.'),
    (r'^(stages\.[012]\.\d\.conv[12])\.0\.1\.', r'\1.bn.'),
    (r'^(stages\.[012]\.\d)\.(conv|bn)([12])\.(?=\w+$)', r'\1.conv\3.\2.'),
    (r'\.rep_conv\.(conv[12])\.0\.', r'.rep_conv.rep.\1.conv.'),
    (r'\.rep_conv\.(conv[12])\.1\.', r'.rep_conv.rep.\1.bn.'),
    # Sequential(RepConv, BN)
    (r'\.attn\.(\w+)\.0\.(conv[12])\.0\.', r'.attn.\1.rep.\2.conv.'),
    (r'\.attn\.(\w+)\.0\.(conv[12])\.1\.', r'.attn.\1.rep.\2.bn.'),
    (r'\.attn\.(\w+)\.1\.', r'.attn.\1.rep.bn.'),
]
# What no model of the base family has.
_LARGE = re.compile(
    r'(^|\.)(ConvBlock\w+\.\d\.conv[12]\.0\.|block3\.\d+\.(rep_conv|attn\.\w+\.0\.conv[12])\.)'
)


def is_large(names: Iterable[str]) -> bool:
    """Whether published names are those of the large family."""
    return any(_LARGE.search(name) for name in names)


HEAD_RULES: list[Rule] = [
    (r'^head\.(weight|bias)$', r'head.fc.\1'),
    (r'^head_kd\.(weight|bias)$', r'head.fc_kd.\1'),
    # detection: each layer is the second of [neuron, container over time[layer]]
    (r'((?:convs|fcs)\.\d)\.1\.0\.', r'\1.'),
    (r'(rpn_conv|rpn_cls|rpn_reg|upsample|conv_logits)\.1\.0\.', r'\1.'),
    # segmentation: Sequential(conv, BN), and Sequential(neuron, conv, BN)
    (r'^(neck\.\w+\.\d)\.0\.', r'\1.conv.'),
    (r'^(neck\.\w+\.\d)\.1\.', r'\1.bn.'),
    (r'^(decode_head\.scale_heads\.\d\.\d)\.1\.', r'\1.conv.'),
    (r'^(decode_head\.scale_heads\.\d\.\d)\.2\.', r'\1.bn.'),
]
# What our own necks and heads have.
_TARGETS = re.compile(
    r'head\.(fc|fc_kd)\.'
    r'|neck\.(lateral_convs|fpn_convs)\.\d\.(conv|bn)\.'
    r'|rpn_head\.(rpn_conv|rpn_cls|rpn_reg)\.'
    r'|roi_head\.(bbox_head|mask_head)\.(\d\.)?(shared_fcs\.\d|shared_convs\.\d\.(conv|bn)'
    r'|fc_cls|fc_reg|convs\.\d\.conv|upsample|conv_logits)\.'
    r'|decode_head\.(scale_heads\.\d\.\d\.(conv|bn)|conv_seg)\.'
)


def rename_head(name: str) -> str | None:
    """Our name of a tensor of a neck or head; None if there is no such thing."""
    target = rename(name, HEAD_RULES)
    return target if _TARGETS.match(target) else None


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
