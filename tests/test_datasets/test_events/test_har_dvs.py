"""Clips of a list file, through the shipped config: tiny files written here."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mmsfa.errors import UserError


@pytest.mark.slow
def test_har_dvs_clips_go_through_the_published_pipeline(dataset, tmp_path: Path) -> None:
    for name, number in (('action_001/a', 12), ('action_300/b', 3)):
        (tmp_path / name).mkdir(parents=True)
        for index in range(number):
            picture = np.full((260, 346, 3), 255, np.uint8)
            picture[:, :173] = (255, 0, 0)  # blue is dark
            picture[:100, 173:] = 128
            cv2.imwrite(str(tmp_path / name / f'{index:03d}.png'), picture)
    for split in ('train', 'val', 'test'):
        (tmp_path / f'{split}_label.txt').write_text('action_001/a 0\naction_300/b 3 299\n')
    train, test = (dataset('har_dvs', split, tmp_path) for split in ('train', 'test'))
    assert len(train) == len(test) == 2 and len(train.CLASSES) == 300
    item = test[0]
    assert item['inputs'].shape == (16, 224, 224) and int(item['data_samples'].gt_label) == 0
    frames = item['inputs'].unflatten(0, (8, 2))
    assert (frames == frames[:1]).all()
    dark, medium = frames[0]
    assert dark[:, :100].min() == 1 and dark[:, 130:].max() == 0
    assert medium[:70, 130:].min() == 1 and medium[100:].max() == 0
    short = test[1]
    assert int(short['data_samples'].gt_label) == 299
    assert (short['inputs'].flatten(1).sum(1) > 0).tolist() == [True] * 6 + [False] * 10
    flipped = {bool(train[0]['inputs'][0, 0, 0] == 0) for _ in range(20)}
    assert flipped == {True, False}
    for _ in range(4):  # all frames of a clip are flipped, or none
        frames = train[0]['inputs'].unflatten(0, (8, 2))
        assert (frames == frames[:1]).all()


def test_a_bad_line_of_the_list_is_named(dataset, tmp_path: Path) -> None:
    (tmp_path / 'test_label.txt').write_text('action_001/a 0\naction_001/b\n')
    with pytest.raises(UserError, match=r"test_label.txt, line 2: .*got 'action_001/b'"):
        dataset('har_dvs', 'test', tmp_path)
