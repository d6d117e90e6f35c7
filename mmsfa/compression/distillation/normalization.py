"""Hand pictures that one data preprocessor has normalised to a model with another one."""

from __future__ import annotations

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor


def renormalize(
    images: Tensor, source: BaseDataPreprocessor, target: BaseDataPreprocessor | None
) -> Tensor:
    """Undo one normalisation and apply another.

    Mixup and cutmix are averages and cuttings of pictures, so they are the same before and after
    a normalisation: what comes out is the mixture as ``target`` would have normalised it.

    Args:
        images: What ``source`` gave, shape (N, C, H, W).
        source: Data preprocessor of the student.
        target: Data preprocessor of the teacher; None, or one without a mean, leaves the pictures
            as they are.

    Returns:
        Pictures, shape (N, C, H, W); ``images`` itself where nothing differs.
    """
    mean, std, swaps = _normalization(source, images)
    new_mean, new_std, new_swaps = _normalization(target, images)
    if new_mean is None:
        return images
    if mean is None:
        mean, std = torch.zeros_like(new_mean), torch.ones_like(new_std)
    same = torch.equal(mean, new_mean) and torch.equal(std, new_std)
    if same and swaps == new_swaps:
        return images
    images = images * std + mean
    if swaps != new_swaps:
        images = images.flip(1)
    return (images - new_mean) / new_std


def _normalization(
    preprocessor: BaseDataPreprocessor | None, images: Tensor
) -> tuple[Tensor | None, Tensor | None, bool]:
    """Mean and deviation of each channel (C, 1, 1), and whether it swaps red and blue."""
    # mmpretrain's preprocessors call it `to_rgb`, those of mmdet and mmseg `_channel_conversion`.
    swaps = getattr(preprocessor, 'to_rgb', getattr(preprocessor, '_channel_conversion', False))
    if getattr(preprocessor, 'mean', None) is None:
        return None, None, bool(swaps)
    return preprocessor.mean.to(images), preprocessor.std.to(images), bool(swaps)
