"""The label maps of a data set, whatever it is wrapped in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mmengine.dataset import ConcatDataset
from mmengine.registry import TRANSFORMS, init_default_scope
from mmseg.datasets import BaseSegDataset
from mmseg.datasets.transforms import LoadAnnotations
from PIL import Image

from mmsfa.data_check.file_task import Task
from mmsfa.data_check.label_map_file import LabelMapRules
from mmsfa.data_check.label_maps import (
    decoder_of,
    format_faults,
    label_maps_of,
    notes_on,
    palette_warnings,
)


@TRANSFORMS.register_module()
class LoadColoursAsAnnotations(LoadAnnotations):
    """One's own: it knows what colours mean."""


def seg_set(root: Path, number: int = 4, mode: str = 'L', step: object = None) -> BaseSegDataset:
    init_default_scope('mmseg')
    for name in ('images', 'maps'):
        (root / name).mkdir(parents=True)
    for index in range(number):
        picture = Image.fromarray(np.zeros((2, 2), np.uint8))
        picture.save(root / f'images/{index}.jpg')
        picture.convert(mode).save(root / f'maps/{index}.png')
    return BaseSegDataset(
        data_root=str(root),
        data_prefix=dict(img_path='images', seg_map_path='maps'),
        metainfo=dict(classes=('a', 'b'), palette=[(0, 0, 0), (9, 9, 9)]),
        pipeline=[dict(type='LoadImageFromFile'), step or dict(type='LoadAnnotations')],
    )


@pytest.mark.parametrize(
    ('step', 'decoder'),
    [
        (dict(type='LoadAnnotations'), 'pillow'),
        (dict(type='mmseg.LoadAnnotations', imdecode_backend='cv2'), 'cv2'),
        (dict(type=LoadAnnotations), 'pillow'),
        (dict(type='RandomChoice', transforms=[[dict(type='LoadAnnotations')]]), 'pillow'),
        (dict(type='LoadColoursAsAnnotations'), None),
        (dict(type='Resize', scale=(4, 4)), None),
        ('a name', None),
        (None, None),
    ],
)
def test_the_decoder_of_a_pipeline(step: object, decoder: str | None) -> None:
    init_default_scope('mmseg')
    assert decoder_of([dict(type='LoadImageFromFile'), step]) == decoder
    if isinstance(step, dict):
        assert decoder_of([TRANSFORMS.build(dict(step))]) == decoder


def test_faults_in_any_wrapper(tmp_path: Path) -> None:
    sound, colours = seg_set(tmp_path / 'a'), seg_set(tmp_path / 'b', mode='RGB')
    both = ConcatDataset([sound, colours])
    assert format_faults(sound) == ([], 4)
    faults, number = format_faults(both)
    assert number == 8 and [Path(fault.path).parts[-3] for fault in faults] == ['b'] * 4
    assert format_faults(both, limit=2)[1] == 4
    assert [Path(path).stem for path, _ in label_maps_of(colours, limit=2)] == ['0', '3']
    own = seg_set(tmp_path / 'c', mode='RGB', step=dict(type='LoadColoursAsAnnotations'))
    assert format_faults(own) == format_faults([1, 2]) == ([], 0)


def test_palettes_of_a_set(tmp_path: Path) -> None:
    dataset = seg_set(tmp_path / 'a', mode='P')
    assert palette_warnings(dataset) == []
    path = tmp_path / 'a/maps/1.png'
    image = Image.open(path)
    image.putpalette([7, 7, 7] * 4)
    image.save(path)
    (said,) = palette_warnings(dataset)
    assert said.startswith('The palettes of label maps differ: 0 is') and said.endswith('.')


def test_notes_on_a_whole_set() -> None:
    rules = LabelMapRules(3, classes=('car', 'road', 'sky'))
    tasks = [Task('a.jpg'), Task('a.png', rules=rules)]
    assert notes_on(tasks, {0, 1, 2}) == notes_on(tasks[:1], set()) == notes_on(tasks, None) == []
    (said,) = notes_on(tasks, {1})
    assert said.startswith('No label map shows 2 of 3 classes (car, sky), so nothing can')
    (said,) = notes_on([Task('a.png', rules=LabelMapRules(2))], {1})
    assert '(0)' in said
