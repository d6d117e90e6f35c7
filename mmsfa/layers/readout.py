"""Which layers of a head give its scores, deltas, masks or labels."""

from __future__ import annotations

import re

from mmcv.cnn import ConvModule
from torch import nn
from torch.nn.modules.conv import _ConvNd

# The names that mmdet, mmseg and mmpretrain give to such layers, without the numbers of a list.
_READOUT = re.compile(
    r'(\w+_)?(cls|reg|centerness|iou|obj|kernel|coeff|seg|logits|score|preds?)'
    r'|(\w+_)?reg_(refine|offset)'
    r'|reppoints_\w+_out'
    r'|(heatmap|wh|offset)_head'  # CenterNet
    r'|(aux_)?(cls|reg)_(convs|branches|layers)'  # SSD, DETR; towers of this name are ConvModules
    r'|conv_mask_list(_[xy])?|conv_loc|conv_shape|controller|se_layer|depth_pred_layer'
)
# Read-outs in a head whose classes they give, ordinary layers elsewhere.
_CLASSIFIER = re.compile(r'fc\d?|fc_kd|(\w+_)?head|head_dist|classifier')


def readout_layers(module: nn.Module) -> list[str]:
    """Name the read-out layers of a head: behind them no layer follows.

    They are told by the names that the mm libraries give them. A convolution with a norm or an
    activation behind it (``ConvModule``) is none, and of an ``nn.Sequential`` only its last layer
    may be one. What a head calls otherwise is not found.

    Args:
        module: A neck or head of mmdet, mmseg or mmpretrain.

    Returns:
        Names of convolution and linear layers, such as ``['fc_cls', 'fc_reg']``; none for a neck.
    """
    bricks = [m for m in module.modules() if isinstance(m, ConvModule)]
    inside = {layer for brick in bricks for layer in brick.modules()}
    inner = {
        layer
        for sequence in module.modules()
        if isinstance(sequence, nn.Sequential)
        for layer in _layers(sequence)[:-1]
    }
    found = []
    for name, layer in module.named_modules():
        if not isinstance(layer, (_ConvNd, nn.Linear)) or layer in inside:
            continue
        words = [part for part in name.split('.') if not part.isdigit()]
        last = words[-1] if words else ''
        is_readout = bool(_READOUT.fullmatch(last)) and layer not in inner
        if is_readout or (_CLASSIFIER.fullmatch(last) and _gives_classes(module, layer)):
            found.append(name)
    return found


def _layers(module: nn.Module) -> list[nn.Module]:
    return [m for m in module.modules() if isinstance(m, (_ConvNd, nn.Linear))]


def _gives_classes(module: nn.Module, layer: nn.Module) -> bool:
    return getattr(layer, 'out_features', None) == getattr(module, 'num_classes', 0)
