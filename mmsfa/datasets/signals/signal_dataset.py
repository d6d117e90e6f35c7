"""Recordings of which each is one sample, such as a spoken word."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mmpretrain.datasets import CustomDataset
from mmpretrain.registry import DATASETS

from mmsfa.datasets.suffixes import SIGNALS
from mmsfa.errors import OptionError, UserError


@DATASETS.register_module()
class SignalDataset(CustomDataset):
    """One signal a file; its class is its folder, stands in a list, or in the name of the file.

    As mmpretrain's ``CustomDataset``: ``<class>/<file>`` below ``data_prefix``, or lines
    ``<file> <label>`` in ``ann_file``.

    Args:
        label_pattern: A regular expression with one group, the name of the class, that is searched
            in the names of the files below ``data_prefix``: ``'^([^_]+)_'`` for
            ``7_jackson_0.wav``. It needs ``classes``. None goes by folder or list.
        **kwargs: Arguments of ``CustomDataset``; ``extensions`` are those of signals.

    Raises:
        OptionError: The pattern has not one group, or classes are missing.
        UserError: A name does not fit, or there are no files.
    """

    def __init__(self, *args: Any, label_pattern: str | None = None, **kwargs: Any) -> None:
        if label_pattern is not None and re.compile(label_pattern).groups != 1:
            raise OptionError(
                'label_pattern must have one group (), the name of the class, got '
                f'{label_pattern!r}.'
            )
        self.label_pattern = label_pattern
        super().__init__(*args, **{'extensions': SIGNALS, **kwargs})

    def _find_samples(self) -> list[tuple[str, int]]:
        if self.label_pattern is None or not self.with_label:
            return super()._find_samples()
        if self.CLASSES is None:
            raise OptionError('label_pattern needs classes, the names in the order of the labels.')
        labels = {str(name): label for label, name in enumerate(self.CLASSES)}
        root = Path(self.img_prefix)
        if not root.is_dir():
            raise UserError(f'Expected a folder of signals, but {root} does not exist.')
        samples = []
        for path in sorted(root.rglob('*')):
            if not (path.is_file() and self.is_valid_file(path.name)):
                continue
            found = re.search(self.label_pattern, path.name)
            if found is None or found[1] not in labels:
                raise UserError(
                    f'{path}: label_pattern={self.label_pattern!r} must find one of the classes '
                    f'{", ".join(labels)} in the name of the file: mend the pattern, the classes '
                    'or the name.'
                )
            samples.append((str(path.relative_to(root)), labels[found[1]]))
        if not samples:
            raise UserError(
                f'Found no signal ({", ".join(sorted(self.extensions))}) below {root}: check '
                'data_root and data_prefix.'
            )
        return samples
