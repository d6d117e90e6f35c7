"""Normalisation of pictures with any number of channels, for preprocessors of mmengine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from mmsfa.errors import UserError


class ChannelsError(UserError, ValueError):
    """The channels of a picture are not those that the config states."""


class AnyChannels:
    """Mixin before a subclass of ``mmengine.model.ImgDataPreprocessor``: one mean a channel.

    The original takes 1 or 3 numbers. Everything else stays its own. Channels come in the order of
    the file as OpenCV reads it: blue, green, red, alpha of a PNG, the bands of a TIFF.

    Args:
        mean: One number a channel, or one for all.
        std: The same.
        **options: Those of the original. ``bgr_to_rgb`` is for three channels.

    Raises:
        ChannelsError: The numbers do not fit together.
    """

    def __init__(
        self,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if mean is None and std is None:
            return
        if mean is None or std is None or len(mean) != len(std):
            raise ChannelsError(
                f'data_preprocessor needs mean and std with one number a channel, got {mean!r} and '
                f'{std!r}.'
            )
        if len(mean) > 3 and (options.get('bgr_to_rgb') or options.get('rgb_to_bgr')):
            raise ChannelsError(
                f'data_preprocessor.bgr_to_rgb is for 3 channels, and mean has {len(mean)}: set it '
                'to False and give mean and std in the order of the file (blue, green, red, ...).'
            )
        self._enable_normalize = True
        for name, values in (('mean', mean), ('std', std)):
            buffer = torch.tensor(values, dtype=torch.float32).view(-1, 1, 1)
            self.register_buffer(name, buffer, False)  # type: ignore[attr-defined]

    def forward(self, data: dict, training: bool = False) -> dict | list:
        """As the original, after a look at the channels.

        Args:
            data: ``inputs``: pictures of shape (C, H, W), or one tensor (B, C, H, W).
            training: Whether batch augmentations are applied.

        Raises:
            ChannelsError: A picture has another number of channels than ``mean``.
        """
        number = len(self.mean) if self._enable_normalize else 1  # type: ignore[attr-defined]
        for index, picture in enumerate(data['inputs']):
            if number > 1 and picture.shape[-3] != number:
                samples = data.get('data_samples') or []
                path = samples[index].get('img_path') if index < len(samples) else None
                raise ChannelsError(
                    f'{path or "A picture"} gives {picture.shape[-3]} channels, but '
                    f"data_preprocessor.mean has {number}: color_type='unchanged' of "
                    "LoadImageFromFile keeps all channels of a file, 'color' makes them three."
                )
        return super().forward(data, training)  # type: ignore[misc]
