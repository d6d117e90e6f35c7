"""The HAR-DVS data set: a folder of frames for each clip, and list files."""

from __future__ import annotations

from mmengine.fileio import list_from_file
from mmpretrain.datasets import BaseDataset
from mmpretrain.registry import DATASETS

from mmsfa.errors import UserError


@DATASETS.register_module()
class HARDVS(BaseDataset):
    """HAR-DVS: 300 human actions.

    Each line of ``ann_file`` (``train_label.txt``, ...) is ``<folder> <label>``, or ``<folder>
    <number of frames> <label>``, with the folder below ``data_prefix`` and labels from 0. Source:
    Wang et al., "HARDVS", https://arxiv.org/abs/2211.09648.

    Args:
        **kwargs: Arguments of mmpretrain's ``BaseDataset``.

    Raises:
        UserError: A line of the list is of another form.
    """

    METAINFO = dict(classes=tuple(f'action_{number:03d}' for number in range(1, 301)))

    def load_data_list(self) -> list[dict]:
        """One entry a clip: ``img_path`` (the folder) and ``gt_label``."""
        entries = []
        for number, line in enumerate(list_from_file(self.ann_file), 1):
            if not (words := line.split()):
                continue
            if len(words) not in (2, 3) or not words[-1].isdigit():
                raise UserError(
                    f'{self.ann_file}, line {number}: expected "<folder> <label>" or "<folder> '
                    f'<number of frames> <label>", got {line!r}; mend the line.'
                )
            folder = self.img_prefix.rstrip('/') + '/' + words[0] if self.img_prefix else words[0]
            entries.append(dict(img_path=folder, gt_label=int(words[-1])))
        return entries
