"""Published names of layers that are the same in all models, and how a rule is applied."""

from __future__ import annotations

import re
from collections.abc import Sequence

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
