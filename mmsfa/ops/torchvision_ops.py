"""Which compiled operators torchvision has here, and the precision that they compute in."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

_LOOKED_FOR = ('nms', 'roi_align', 'deform_conv2d')


@cache
def torchvision_loads() -> bool:
    """Whether torchvision's extension is loaded: not with a CPU torch beside its CUDA build."""
    try:
        import torchvision.extension as extension
    except ImportError:
        return False
    return bool(extension._has_ops()) and all(_has_kernel(name, 'CPU') for name in _LOOKED_FOR)


@cache
def _has_kernel(name: str, key: str) -> bool:
    if not hasattr(torch.ops.torchvision, name):  # torch raises for what nobody has defined
        return False
    return torch._C._dispatch_has_kernel_for_dispatch_key(f'torchvision::{name}', key)


def torchvision_has(name: str, like: Tensor) -> bool:
    """Whether torchvision can compute an operator where a tensor lies.

    Args:
        name: Name of the operator, such as ``'roi_align'``.
        like: A tensor on the device in question.
    """
    return torchvision_loads() and _has_kernel(name, 'CUDA' if like.is_cuda else 'CPU')


def in_float(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The tensors in one precision, float32 at least: half precision has no operators on a CPU.

    Args:
        *tensors: The first one decides: float64 stays, everything else becomes float32.
    """
    dtype = torch.float64 if tensors[0].dtype == torch.float64 else torch.float32
    return tuple(tensor.to(dtype) for tensor in tensors)
