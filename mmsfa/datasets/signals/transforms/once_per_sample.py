"""Steps of a pipeline whose result is kept in memory."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

from mmcv.transforms import BaseTransform, Compose
from mmengine.registry import TRANSFORMS

from mmsfa.errors import OptionError


@TRANSFORMS.register_module()
class OncePerSample(BaseTransform):
    """Run steps once for each sample and keep what they give: in every later epoch nothing is read.

    For steps that draw no random numbers, and sets that fit into memory; each worker process keeps
    its own. Arrays are handed on as they are: later steps must not write into them.

    Args:
        transforms: Configs of the steps.
        keep: The keys that are kept; the others stay those of the data set.

    Required keys: img_path, signal_range (optional). Added keys: those of ``keep``.

    Raises:
        OptionError: A step gives none of a key.
    """

    def __init__(self, transforms: Sequence[dict], keep: Sequence[str] = ('spikes',)) -> None:
        self.transforms = Compose(list(transforms))
        self.keep = tuple(keep)
        self._kept: dict[tuple, dict[str, Any]] = {}

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Take what is kept, or make it."""
        sample = results['img_path'], results.get('signal_range')
        if sample not in self._kept:
            made = self.transforms(copy(results))
            missing = [key for key in self.keep if key not in made]
            if missing:
                raise OptionError(
                    f'The steps of OncePerSample give no {missing[0]!r}, but {", ".join(made)}: '
                    'change keep or the steps.'
                )
            self._kept[sample] = {key: made[key] for key in self.keep}
        results.update(self._kept[sample])
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(transforms={self.transforms}, keep={self.keep})'
