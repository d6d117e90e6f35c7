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
    wanted = _normalization(target, images)
    if wanted is None:
        return images
    new_mean, new_std = wanted
    unit = torch.zeros_like(new_mean), torch.ones_like(new_std)
    mean, std = _normalization(source, images) or unit
    same = torch.equal(mean, new_mean) and torch.equal(std, new_std)
    swaps = _swaps(source) != _swaps(target)
    if same and not swaps:
        return images
    images = images * std + mean
    if swaps:
        images = images.flip(1)
    return (images - new_mean) / new_std


def _normalization(
    preprocessor: BaseDataPreprocessor | None, images: Tensor
) -> tuple[Tensor, Tensor] | None:
    """Mean and deviation of each channel (C, 1, 1); None where it has none."""
    if preprocessor is None or getattr(preprocessor, 'mean', None) is None:
        return None
    return preprocessor.mean.to(images), preprocessor.std.to(images)


def _swaps(preprocessor: BaseDataPreprocessor | None) -> bool:
    """Whether it swaps red and blue."""
    # mmpretrain's preprocessors call it `to_rgb`, those of mmdet and mmseg `_channel_conversion`.
    return bool(
        getattr(preprocessor, 'to_rgb', getattr(preprocessor, '_channel_conversion', False))
    )
