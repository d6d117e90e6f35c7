"""Published names of the large family, 83M and 173M, and of its masked pre-training."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .rules import COMMON_RULES, Rule

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
