"""Published names of the convolutional spiking networks of Q-SNN and QP-SNN."""

from __future__ import annotations

import re

from torch import Tensor

from .rules import Rule, rename

# A BN inside its container over time inside the layer: one tensor under several names.
_ALIASES = re.compile(r'(^|\.)(seqbn|conv\d_s)\.')
# Of the quantiser of QP-SNN's release, which never reads them.
_UNUSED = re.compile(r'\.(clip_val|zero)$')
_RULES: list[Rule] = [
    # ResNet-19 of Q-SNN
    (r'^conv1\.', 'backbone.conv1.conv.'),
    (r'^bn1\.bn\.', 'backbone.conv1.bn.'),
    (r'^layer1\.', 'backbone.stages.0.'),
    (r'^layer2\.', 'backbone.stages.1.'),
    (r'^layer3\.', 'backbone.stages.2.'),
    (r'(stages\.\d\.\d+)\.conv([12])\.(?=\w+$)', r'\1.conv\2.conv.'),
    (r'(stages\.\d\.\d+)\.bn([12])\.bn\.', r'\1.conv\2.bn.'),
    (r'\.downsample\.layer\.module\.', '.downsample.conv.'),
    (r'\.downsample\.bn\.bn\.', '.downsample.bn.'),
    (r'^fc\.ops\.', 'head.fc.'),
    # VGG of QP-SNN
    (r'^features\.convbn(\d+)\.layer\.module\.', r'backbone.features.\1.conv.'),
    (r'^features\.convbn(\d+)\.bn\.bn\.', r'backbone.features.\1.bn.'),
    (r'^classifier\.linear1\.module\.', 'head.fc.'),
]


def convert_cnn(source: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Rename the tensors of a published ResNet-19 of Q-SNN or VGG of QP-SNN.

    Args:
        source: Published names and tensors.

    Returns:
        The state dict of an ``ImageClassifier`` of :class:`~mmsfa.backbones.SpikingResNet` or
        :class:`~mmsfa.backbones.SpikingVGG` and a linear head, and the names that no rule knows.
    """
    converted, leftover = {}, []
    for name, tensor in source.items():
        bare = name.removeprefix('module.')
        if _ALIASES.search(bare) or _UNUSED.search(bare):
            continue
        target = rename(bare, _RULES)
        if target.startswith(('backbone.', 'head.')):
            converted[target] = tensor
        else:
            leftover.append(bare)
    return converted, leftover
