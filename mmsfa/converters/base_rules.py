"""Published names of the base family: classification, detection, segmentation, event cameras."""

from __future__ import annotations

from .rules import COMMON_RULES, Rule

BASE_RULES: list[Rule] = [
    *COMMON_RULES,
    # Sequential(conv, BN)
    (r'\.[Cc]onv\.(pwconv1|dwconv|pwconv2)\.0\.', r'.sep_conv.\1.conv.'),
    (r'\.[Cc]onv\.(pwconv1|dwconv|pwconv2)\.1\.', r'.sep_conv.\1.bn.'),
    (r'\.attn\.(\w+)\.0\.', r'.attn.\1.conv.'),
    (r'\.attn\.(\w+)\.1\.', r'.attn.\1.bn.'),
    (r'^(stages\.[012]\.\d)\.(conv|bn)([12])\.', r'\1.conv\3.\2.'),
]
