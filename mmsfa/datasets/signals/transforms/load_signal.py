"""The first step of a pipeline: read a signal."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from mmcv.transforms import BaseTransform
from mmengine.registry import TRANSFORMS

from mmsfa.datasets.signals.reader import Signal, read_signal, refuse

_read_long = lru_cache(maxsize=8)(read_signal)  # of a recording that many samples are parts of


@TRANSFORMS.register_module()
class LoadSignal(BaseTransform):
    """Read the signal of ``img_path``.

    A data set may give ``signal_range``, (start, end) in samples, to take only that part, and
    ``channels``, the names of those to take.

    Args:
        rate: Samples a second that the file must have; None takes any.
        channels: Names of the channels to take, in this order; None takes those that the data set
            gives, or all.

    Required keys: img_path, signal_range (optional), channels (optional).
    Added keys: signal, float32, (C, L); rate, samples a second or None.

    Raises:
        SignalFileError: The file is no signal, or has another rate.
    """

    def __init__(self, rate: float | None = None, channels: Sequence[str] | None = None) -> None:
        self.rate, self.channels = rate, channels

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read."""
        path, part = results['img_path'], results.get('signal_range')
        found: Signal = (read_signal if part is None else _read_long)(
            path, self.channels or results.get('channels')
        )
        if self.rate is not None and found.rate != self.rate:
            refuse(path, f'{self.rate:g} samples a second were expected, got {found.rate}')
        values = found.values if part is None else found.values[:, slice(*part)].copy()
        results.update(signal=values, rate=found.rate)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(rate={self.rate}, channels={self.channels})'
