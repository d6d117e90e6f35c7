"""Recordings of which each is one sample, such as a spoken word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mmengine.fileio import list_from_file
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
            in the paths of the files below ``data_prefix``: ``'^([^_]+)_'`` for
            ``7_jackson_0.wav``, ``'^([^/]+)/'`` for ``yes/0a7c.wav``. It needs ``classes``. None
            goes by folder or list.
        file_pattern: With ``label_pattern``: a regular expression that the paths must fit; None
            takes all.
        file_list: With it: a text file below ``data_root`` that names the files to take, one a
            line.
        exclude_lists: With it: text files that name those to leave out.
        **kwargs: Arguments of ``CustomDataset``; ``extensions`` are those of signals.

    Raises:
        OptionError: The pattern has not one group, or classes are missing.
        UserError: A name does not fit, or there are no files.
    """

    def __init__(
        self,
        *args: Any,
        label_pattern: str | None = None,
        file_pattern: str | None = None,
        file_list: str | None = None,
        exclude_lists: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        if label_pattern is not None and re.compile(label_pattern).groups != 1:
            raise OptionError(
                'label_pattern must have one group (), the name of the class, got '
                f'{label_pattern!r}.'
            )
        if label_pattern is None and (file_pattern or file_list or exclude_lists):
            raise OptionError('file_pattern, file_list and exclude_lists need a label_pattern.')
        self.label_pattern, self.file_pattern = label_pattern, file_pattern
        self.file_list, self.exclude_lists = file_list, tuple(exclude_lists)
        super().__init__(*args, **{'extensions': SIGNALS, **kwargs})

    def load_data_list(self) -> list[dict]:
        """One entry a file: ``img_path`` and ``gt_label``."""
        if self.label_pattern is None or not self.with_label or self.ann_file:
            return super().load_data_list()
        if self.CLASSES is None:
            raise OptionError('label_pattern needs classes, the names in the order of the labels.')
        labels = {str(name): label for label, name in enumerate(self.CLASSES)}
        root = Path(self.img_prefix)
        if not root.is_dir():
            raise UserError(f'Expected a folder of signals, but {root} does not exist.')
        samples = []
        for path, name in self._files(root):
            found = re.search(self.label_pattern, name)
            if found is None or found[1] not in labels:
                raise UserError(
                    f'{path}: label_pattern={self.label_pattern!r} must find one of the classes '
                    f'{", ".join(labels)} in its name: mend the pattern, the classes or the '
                    'name.'
                )
            samples.append(dict(img_path=str(path), gt_label=labels[found[1]]))
        if not samples:
            raise UserError(
                f'Found no signal ({", ".join(sorted(self.extensions))}) below {root}: check '
                'data_root and data_prefix.'
            )
        return samples

    def _files(self, root: Path) -> Iterator[tuple[Path, str]]:
        """(path, path below the root) of each file that is taken, sorted."""
        wanted = None if self.file_list is None else self._names(self.file_list)
        unwanted = {name for text in self.exclude_lists for name in self._names(text)}
        for path in sorted(root.rglob('*')):
            name = path.relative_to(root).as_posix()
            if (
                path.is_file()
                and self.is_valid_file(path.name)
                and name not in unwanted
                and (wanted is None or name in wanted)
                and (self.file_pattern is None or re.search(self.file_pattern, name))
            ):
                yield path, name

    def _names(self, text: str) -> set[str]:
        path = Path(self.data_root, text)
        if not path.is_file():
            raise UserError(f'Expected the list of files {path}, but it does not exist.')
        return {line.strip() for line in list_from_file(str(path)) if line.strip()}
