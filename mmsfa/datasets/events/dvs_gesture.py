"""The DVS128 Gesture data set: several labelled gestures in one recording."""

from __future__ import annotations

import csv
from pathlib import Path

from mmengine.fileio import list_from_file
from mmpretrain.datasets import BaseDataset
from mmpretrain.registry import DATASETS

from mmsfa.errors import UserError

COLUMNS = ('class', 'startTime_usec', 'endTime_usec')


@DATASETS.register_module()
class DVS128Gesture(BaseDataset):
    """DVS128 Gesture: 11 hand and arm gestures.

    ``ann_file`` (``trials_to_train.txt``, ``trials_to_test.txt``) names the recordings below
    ``data_prefix``, one a line; beside ``user01_fluorescent.aedat`` lies
    ``user01_fluorescent_labels.csv`` with the columns class (from 1), startTime_usec, endTime_usec.
    Source: Amir et al., "A Low Power, Fully Event-Based Gesture Recognition System", CVPR 2017.

    Args:
        **kwargs: Arguments of mmpretrain's ``BaseDataset``.

    Raises:
        UserError: A labels file is missing or of another form.
    """

    METAINFO = dict(
        classes=(
            'hand_clapping',
            'right_hand_wave',
            'left_hand_wave',
            'right_arm_clockwise',
            'right_arm_counter_clockwise',
            'left_arm_clockwise',
            'left_arm_counter_clockwise',
            'arm_roll',
            'air_drums',
            'air_guitar',
            'other_gestures',
        )
    )

    def load_data_list(self) -> list[dict]:
        """One entry a gesture: ``img_path``, ``event_range`` in microseconds, ``gt_label``."""
        entries = []
        for name in filter(None, map(str.strip, list_from_file(self.ann_file))):
            recording = Path(self.img_prefix, name)
            for label, start, end in _gestures(recording.with_name(f'{recording.stem}_labels.csv')):
                entries.append(
                    dict(img_path=str(recording), event_range=(start, end), gt_label=label - 1)
                )
        return entries


def _gestures(path: Path) -> list[tuple[int, int, int]]:
    """(class, start, end) of each gesture in a recording."""
    if not path.is_file():
        raise UserError(
            f'Expected the labels file {path} beside its recording, but it does not exist: '
            'unpack the data set again.'
        )
    number_of_classes = len(DVS128Gesture.METAINFO['classes'])
    with path.open(newline='') as file:
        header, *rows = [[cell.strip() for cell in row] for row in csv.reader(file) if row] or [[]]
    if tuple(header) != COLUMNS:
        raise UserError(
            f'{path}: expected the columns {",".join(COLUMNS)}, got {",".join(header)}; '
            'unpack the data set again.'
        )
    gestures = []
    for number, row in enumerate(rows, 2):
        values = tuple(int(cell) for cell in row if cell.isdigit())
        if len(values) != 3 or not 1 <= values[0] <= number_of_classes or values[1] >= values[2]:
            raise UserError(
                f'{path}, line {number}: expected a class in 1..{number_of_classes}, a start and a '
                f'later end, got {",".join(row)}; unpack the data set again.'
            )
        gestures.append(values)
    return gestures
