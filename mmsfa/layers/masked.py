"""Sparse convolution on dense tensors: masked positions hold zeros and are in no statistics.

The mask is an argument that travels with the data. Source: the masked pre-training of Yao et al.,
https://arxiv.org/abs/2411.16061, after Tian et al. (SparK), https://arxiv.org/abs/2301.03580.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from mmsfa.errors import UserError


class MaskError(UserError, ValueError):
    """A mask is no mask of the tokens that are seen."""


def visible_at(visible: Tensor, like: Tensor) -> Tensor:
    """Bring a mask to the resolution of a map.

    Args:
        visible: Which tokens are seen, shape (T*B, 1, h, w), bool.
        like: A map, shape (T*B, C, H, W); H and W are multiples of h and w.

    Returns:
        Shape (T*B, 1, H, W), bool.

    Raises:
        MaskError: It is no such mask, or the map is no multiple of it.
    """
    if visible.dtype != torch.bool or visible.dim() != 4 or visible.shape[1] != 1:
        raise MaskError(
            'visible must be bool of shape (T*B, 1, H/16, W/16), True where a token is seen, got '
            f'{visible.dtype} of shape {tuple(visible.shape)}: the masks of SimMIM, BEiT and '
            'others of mmpretrain mark what is hidden, at the stride of their own backbones. '
            "Pre-train with dict(type='SpikeMAE')."
        )
    size, grid = like.shape[-2:], visible.shape[-2:]
    if size[0] % grid[0] or size[1] % grid[1] or visible.shape[0] != like.shape[0]:
        raise MaskError(
            f'A mask must have one value for each token, so the map (T*B, C, H, W) must be a '
            f'multiple of it, got a mask {tuple(visible.shape)} for a map {tuple(like.shape)}: '
            'give pictures whose sides are multiples of the patch size.'
        )
    if size == grid:
        return visible
    return F.interpolate(visible.to(like.dtype), size=size, mode='nearest').bool()


def masked_norm(norm: nn.Module, x: Tensor, visible: Tensor) -> Tensor:
    """Normalise the visible positions by their own statistics, and leave zeros elsewhere.

    Args:
        norm: A BN for maps (``BatchNorm2d``, ``SyncBatchNorm``).
        x: Shape (T*B, C, H, W).
        visible: Shape (T*B, 1, H, W), bool.

    Returns:
        Shape (T*B, C, H, W).

    Raises:
        ValueError: The normalisation is no BN.
    """
    if not isinstance(norm, _BatchNorm):
        raise ValueError(
            'Masked pre-training normalises by statistics of the visible positions, which only '
            f"BN and SyncBN can, got {type(norm).__name__}: set norm_cfg=dict(type='BN')."
        )
    if not norm.training and norm.running_mean is not None:
        return norm(x) * visible
    last = x.permute(0, 2, 3, 1)  # (T*B, H, W, C)
    index = visible.flatten().nonzero()[:, 0]
    seen = last.flatten(0, 2).index_select(0, index)  # (visible positions, C)
    normed = norm(seen[..., None, None])[..., 0, 0]
    out = normed.new_zeros(visible.numel(), x.shape[1]).index_copy(0, index, normed)
    return out.unflatten(0, last.shape[:3]).permute(0, 3, 1, 2)
