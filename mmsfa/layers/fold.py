"""Fold what training needs and inference does not: BN and re-parameterised branches."""

from __future__ import annotations

from copy import deepcopy
from typing import TypeVar

from mmcv.cnn import ConvModule
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils.fusion import fuse_conv_bn_weights

from .effective_weight import Multiplies, as_plain, is_plain

Model = TypeVar('Model', bound=nn.Module)


def folded(conv: nn.Module, norm: nn.Module) -> _ConvNd | None:
    """A convolution that does the work of both.

    Args:
        conv: What runs first; it stays as it is, because heads may share it between several BN.
        norm: What runs right behind it, in evaluation mode.

    Returns:
        A copy with new weights and the same hooks; None where the two cannot be folded.
    """
    if not isinstance(norm, _BatchNorm) or norm.running_mean is None or norm.running_var is None:
        return None
    both = as_plain(conv)
    if both is None or isinstance(both, nn.Linear) or (both.transposed and both.groups > 1):
        return None
    weight, bias = fuse_conv_bn_weights(
        both.weight,
        both.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
        transpose=both.transposed,
    )
    both._parameters = {'weight': weight, 'bias': bias}
    return both


def check_evaluation_mode(model: nn.Module, what: str) -> None:
    """Refuse a model that is in training mode.

    Args:
        model: Any model.
        what: What needs evaluation mode.

    Raises:
        ValueError: It is, in part at least.
    """
    training = next((name for name, module in model.named_modules() if module.training), None)
    if training is not None:
        raise ValueError(
            f'{what} needs a model in evaluation mode, and {training or "it"} is in training mode: '
            'call model.eval() first.'
        )


def merge_branches(model: nn.Module) -> None:
    """Let every module that has branches for its training, such as a RepConv, merge them, in place.

    Branches with a layer that transforms its weights (quantises, standardises) stay: those of
    mmpretrain (RepVGG, MobileOne) would be merged with the float weights.

    Args:
        model: Any model; modules with a method ``switch_to_deploy`` are asked, as mmpretrain asks.
    """
    for module in list(model.modules()):
        switch = getattr(module, 'switch_to_deploy', None)
        if switch is not None and not any(map(_transforms, module.modules())):
            switch()


def _transforms(layer: nn.Module) -> bool:
    return isinstance(layer, Multiplies) and not is_plain(layer)


def norm_follows(brick: ConvModule) -> bool:
    """Whether the norm of mmcv's brick runs right behind its convolution."""
    return brick.with_norm and brick.order.index('norm') == brick.order.index('conv') + 1


def fold(model: Model) -> Model:
    """A copy of a model with every BN folded into the convolution right in front of it.

    A BN is folded in mmcv's ``ConvModule`` and in ``nn.Sequential``; elsewhere nothing tells what
    stands in front of it when the model runs, and it stays.

    Modules that offer ``switch_to_deploy`` (RepConv and the like) fold their branches first. Layers
    that transform their weights become ordinary ones, see :func:`effective_weight`. The copy
    computes the same: in float64 up to the rounding of a sum, in float32 now and then a potential
    crosses a rounding threshold.

    Args:
        model: Any model in evaluation mode; it is left as it is.

    Returns:
        The copy, in evaluation mode.

    Raises:
        ValueError: The model is in training mode: a BN that still learns cannot be folded.
    """
    check_evaluation_mode(model, 'Folding')
    model = deepcopy(model)
    merge_branches(model)
    for module in model.modules():
        if isinstance(module, ConvModule):
            _fold_brick(module)
        elif type(module) is nn.Sequential:
            _fold_sequence(module)
    for module in list(model.modules()):
        for name, child in module.named_children():
            plain = None if is_plain(child) else as_plain(child)
            if plain is not None:
                setattr(module, name, plain)
    return model.eval()


def _fold_brick(brick: ConvModule) -> None:
    """Fold the BN of mmcv's ConvModule, where it follows the convolution directly."""
    conv = folded(brick.conv, brick.norm) if norm_follows(brick) else None
    if conv is not None:
        brick.conv = conv
        setattr(brick, brick.norm_name, nn.Identity())
        brick.turn_on_efficient_conv_bn_eval(False)


def _fold_sequence(sequence: nn.Sequential) -> None:
    """Fold each BN that stands right behind a convolution: here alone the order is certain."""
    for i in range(1, len(sequence)):
        conv = folded(sequence[i - 1], sequence[i])
        if conv is not None:
            sequence[i - 1], sequence[i] = conv, nn.Identity()
