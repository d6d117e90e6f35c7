"""Published names of necks and heads: classification, detection, segmentation."""

from __future__ import annotations

import re

from .rules import Rule, rename

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
