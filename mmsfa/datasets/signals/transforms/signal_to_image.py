"""From a signal to the picture of T*C channels that a network takes."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.registry import TRANSFORMS

from mmsfa.errors import OptionError


@TRANSFORMS.register_module()
class SignalToImage(BaseTransform):
    """Cut a signal into T pieces, one for each real time step, as a "picture" of one row.

    A step holds the next L / T samples, as they come in from a stream.

    Args:
        T: Number of real time steps; it must divide the length.
        key: ``'spikes'`` of an encoder, or ``'signal'``.
        split_polarity: Two channels for one, OFF before ON, both 0 or 1, for neurons that know no
            negative spikes.

    Required keys: spikes or signal, (C, L).
    Added keys: img, float32, (1, L / T, T*C), or T*2*C with ``split_polarity``; time is the slow
    part of the channel axis, then polarity; img_shape, ori_shape.

    Raises:
        OptionError: A setting is out of its range, or T does not divide the length.
    """

    def __init__(self, T: int = 1, key: str = 'spikes', split_polarity: bool = False) -> None:
        if not isinstance(T, int) or T < 1:
            raise OptionError(f'T (the number of steps) must be an integer >= 1, got {T!r}.')
        if key not in ('spikes', 'signal'):
            raise OptionError(f"key must be 'spikes' or 'signal', got {key!r}.")
        self.T, self.key, self.split_polarity = T, key, split_polarity

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add ``img``."""
        if self.key not in results:
            raise OptionError(
                f'SignalToImage found no {self.key}: put '
                + ('TAEEncode' if self.key == 'spikes' else 'LoadSignal')
                + ' in front of it.'
            )
        values = results[self.key]
        if values.shape[1] % self.T:
            raise OptionError(
                f'T={self.T} does not divide the {values.shape[1]} samples of a signal: put '
                'CropOrPadSignal in front of it, or change T.'
            )
        if self.split_polarity:
            values = np.concatenate([np.maximum(-values, 0), np.maximum(values, 0)])
        steps = values.reshape(len(values), self.T, -1).transpose(2, 1, 0)  # (L / T, T, C)
        image = steps.reshape(1, steps.shape[0], -1).astype(np.float32)
        results.update(img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2])
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(T={self.T}, key={self.key!r}, '
            f'split_polarity={self.split_polarity})'
        )
