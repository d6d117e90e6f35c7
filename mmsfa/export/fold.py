"""Fold what training needs and inference does not: BN and re-parameterised branches."""

from __future__ import annotations

from copy import deepcopy

from mmcv.cnn import ConvModule, fuse_conv_bn
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_weights


def fold(model: nn.Module) -> nn.Module:
    """A copy of a model with every BN folded into the convolution in front of it.

    Modules that offer ``switch_to_deploy`` (RepConv and the like) fold their branches first. The
    copy computes the same: in float64 up to the rounding of a sum, in float32 now and then a
    potential crosses a rounding threshold.

    Args:
        model: Any model in evaluation mode; it is left as it is.

    Returns:
        The copy, in evaluation mode.

    Raises:
        ValueError: The model is in training mode: a BN that still learns cannot be folded.
    """
    training = [name for name, m in model.named_modules() if m.training]
    if training:
        raise ValueError(
            f'Only a model in evaluation mode can be folded, and {training[0] or "it"} is in '
            'training mode: call model.eval() first.'
        )
    model = deepcopy(model)
    for module in list(model.modules()):
        if hasattr(module, 'switch_to_deploy'):
            module.switch_to_deploy()
    for module in model.modules():
        if isinstance(module, ConvModule) and module.with_norm:
            _fold_brick(module)
    return fuse_conv_bn(model).eval()  # those outside of mmcv's brick


def _fold_brick(brick: ConvModule) -> None:
    """Fold the BN of mmcv's ConvModule, where it follows the convolution directly."""
    conv, norm = brick.conv, brick.norm
    follows = brick.order.index('norm') == brick.order.index('conv') + 1
    if not (follows and isinstance(norm, _BatchNorm) and type(conv) in _FOLDABLE):
        return
    if norm.running_mean is None or (conv.transposed and conv.groups > 1):
        return
    conv.weight, conv.bias = fuse_conv_bn_weights(
        conv.weight,
        conv.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
        transpose=conv.transposed,
    )
    setattr(brick, brick.norm_name, nn.Identity())
    brick.turn_on_efficient_conv_bn_eval(False)


_FOLDABLE = (nn.Conv2d, nn.ConvTranspose2d)
