"""Classes that no label map shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mmengine.dataset import ConcatDataset
from mmengine.registry import init_default_scope
from mmseg.datasets import BaseSegDataset
from PIL import Image

from mmsfa.data_check.absent_classes import absent_classes


def seg_set(root: Path, *maps: list[int], **settings: object) -> BaseSegDataset:
    """Label maps of one row each."""
    init_default_scope('mmseg')
    for name in ('images', 'maps'):
        (root / name).mkdir(parents=True)
    for index, row in enumerate(maps):
        picture = Image.fromarray(np.array([row], np.uint8))
        picture.save(root / f'images/{index}.jpg')
        picture.save(root / f'maps/{index}.png')
    return BaseSegDataset(
        data_root=str(root),
        data_prefix=dict(img_path='images', seg_map_path='maps'),
        metainfo=dict(classes=('sky', 'road', 'car')),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')],
        **settings,
    )


@pytest.mark.parametrize(
    ('maps', 'settings', 'absent'),
    [
        ([[0, 1], [2, 255]], {}, ''),
        ([[0, 1], [0, 255]], {}, '1 of 3 classes (car), so nothing can learn them.'),
        ([[0, 255], [255, 255]], {}, '2 of 3 classes (road, car), so nothing can learn them (255'),
        ([[255, 255]], {}, '3 of 3 classes (sky, road, car)'),
        ([[0, 1], [0, 3]], dict(reduce_zero_label=True), '1 of 3 classes (road)'),
    ],
)
def test_they_are_named(tmp_path: Path, maps: list, settings: dict, absent: str) -> None:
    said = absent_classes('train', seg_set(tmp_path, *maps, **settings))
    assert absent in said if absent else said is None


def test_only_two_sets_together_have_all(tmp_path: Path) -> None:
    one, other = seg_set(tmp_path / 'a', [0, 1]), seg_set(tmp_path / 'b', [2])
    assert absent_classes('val', ConcatDataset([one, other])) is None
    assert '2 label maps of the val' not in absent_classes('val', one)
    assert 'no metric measures them' in absent_classes('val', one)


def test_a_part_of_a_large_set_tells_little(tmp_path: Path) -> None:
    rich, poor = (seg_set(tmp_path / str(row), *[row] * 5) for row in ([0, 1], [0, 255]))
    assert absent_classes('train', rich, limit=3) is None
    assert 'None of the 3 label maps' in absent_classes('train', poor, limit=3)


def test_what_has_no_label_maps_or_damaged_ones(tmp_path: Path) -> None:
    damaged = seg_set(tmp_path, [0, 1])
    (tmp_path / 'maps/0.png').write_bytes(b'no picture')
    assert absent_classes('train', damaged) is None
    assert absent_classes('train', [1, 2]) is None
