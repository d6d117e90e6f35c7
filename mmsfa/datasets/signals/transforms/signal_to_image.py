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

    Either a step holds the next L / T samples, as they come in from a stream, or T samples that
    follow each other share a place and come one after the other, as the steps of an event tensor.

    Args:
        T: Number of real time steps; it must divide the length.
        key: ``'spikes'`` of an encoder, or ``'signal'``.
        split_polarity: Two channels for one, OFF before ON, both 0 or 1, for neurons that know no
            negative spikes.
        order: ``'pieces'`` of L / T samples, or ``'phases'``: step t holds the samples t, t + T,
            t + 2T, ... A network that reads a whole word in each step learns more of phases.

    Required keys: spikes or signal, (C, L).
    Added keys: img, float32, (1, L / T, T*C), or T*2*C with ``split_polarity``; time is the slow
    part of the channel axis, then polarity; img_shape, ori_shape.

    Raises:
        OptionError: A setting is out of its range, or T does not divide the length.
    """

    def __init__(
        self, T: int = 1, key: str = 'spikes', split_polarity: bool = False, order: str = 'pieces'
    ) -> None:
        if not isinstance(T, int) or T < 1:
            raise OptionError(f'T (the number of steps) must be an integer >= 1, got {T!r}.')
        if key not in ('spikes', 'signal'):
            raise OptionError(f"key must be 'spikes' or 'signal', got {key!r}.")
        if order not in ('pieces', 'phases'):
            raise OptionError(f"order must be 'pieces' or 'phases', got {order!r}.")
        self.T, self.key, self.split_polarity, self.order = T, key, split_polarity, order

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
        if self.order == 'pieces':
            steps = values.reshape(len(values), self.T, -1).transpose(2, 1, 0)
        else:
            steps = values.reshape(len(values), -1, self.T).transpose(1, 2, 0)
        image = steps.reshape(1, len(steps), -1).astype(np.float32)
        results.update(img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2])
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(T={self.T}, key={self.key!r}, '
            f'split_polarity={self.split_polarity}, order={self.order!r})'
        )
