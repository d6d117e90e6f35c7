"""One convolution that does the work of itself and the BN behind it."""

from __future__ import annotations

from copy import copy

from mmcv.cnn import ConvModule
from mmcv.cnn.bricks import wrappers
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_weights

# mmcv's own convolutions differ from torch's in empty batches only. Others may transform their
# weights on the way (standardise, quantise), so that scaling them first would change the result.
PLAIN = (nn.Conv2d, nn.ConvTranspose2d, wrappers.Conv2d, wrappers.ConvTranspose2d)


def is_plain(layer: nn.Module) -> bool:
    """Whether a layer does nothing but multiply by its own parameter.

    Weight norm and spectral norm keep the type and compute the weight anew for each call.
    """
    return type(layer) in (*PLAIN, nn.Linear, wrappers.Linear) and 'weight' in layer._parameters


def folded(conv: nn.Module, norm: nn.Module) -> nn.Module | None:
    """A convolution that does the work of both.

    Args:
        conv: What runs first; it stays as it is, because heads may share it between several BN.
        norm: What runs right behind it, in evaluation mode.

    Returns:
        A copy with new weights and the same hooks; None where the two cannot be folded.
    """
    if not (is_plain(conv) and type(conv) in PLAIN and isinstance(norm, _BatchNorm)):
        return None
    if norm.running_mean is None or (conv.transposed and conv.groups > 1):
        return None
    weight, bias = fuse_conv_bn_weights(
        conv.weight,
        conv.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
        transpose=conv.transposed,
    )
    both = copy(conv)  # not deep: hooks lead to whoever watches the layer
    both._parameters = {**conv._parameters, 'weight': weight, 'bias': bias}
    return both


def norm_follows(brick: ConvModule) -> bool:
    """Whether the norm of mmcv's brick runs right behind its convolution."""
    return brick.with_norm and brick.order.index('norm') == brick.order.index('conv') + 1
