"""Faults of annotation files in the form of COCO."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_masks

from mmsfa.data_check.coco_files import check_coco, check_coco_file

TRIANGLE = [[0, 0, 5, 0, 5, 5]]
NAN = float('nan')


def content() -> dict:
    image = dict(width=100, height=50)
    thing = dict(image_id=1, category_id=3, bbox=[10, 10, 20, 20], area=400, segmentation=TRIANGLE)
    return dict(
        images=[dict(image, id=1, file_name='a.jpg'), dict(image, id=2, file_name='b.jpg')],
        annotations=[dict(thing, id=7), dict(thing, id=8)],
        categories=[dict(id=3, name='thing')],
    )


def found(tmp_path: Path, wrong: dict) -> list:
    path = tmp_path / 'instances.json'
    path.write_text(json.dumps(wrong))
    return check_coco_file(str(path), 'folder')


def test_sound_files(tmp_path: Path, shapes_dir: Path) -> None:
    assert found(tmp_path, content()) == []
    nearly = content()
    nearly['annotations'][0]['bbox'] = [-0.9, 0, 101, 50.5]  # annotators round
    assert found(tmp_path, nearly) == []
    for split in ('train', 'val'):
        assert check_coco_file(str(shapes_dir / f'annotations/instances_{split}.json')) == []


def test_ids_may_have_a_fraction(tmp_path: Path) -> None:
    numbers = content()
    for entry in (*numbers['images'], *numbers['annotations'], *numbers['categories']):
        entry['id'] = float(entry['id'])
    assert found(tmp_path, numbers) == []


def test_harmful_faults_are_told_apart(tmp_path: Path) -> None:
    wrong, path = content(), tmp_path / 'instances.json'
    wrong['annotations'][0].update(bbox=[1, 1, 0, 0])
    wrong['images'][1].update(id=1)
    path.write_text(json.dumps(wrong))
    faults, harmful = check_coco(str(path), 'folder')
    assert [fault.path for fault in faults] == ['folder/b.jpg', 'folder/a.jpg']
    assert harmful == [('folder/b.jpg', 'image id 1 occurs twice')]


def test_boxes_as_parts_of_the_picture_are_harmful(tmp_path: Path) -> None:
    wrong, path = content(), tmp_path / 'instances.json'
    for entry in wrong['annotations']:
        entry['bbox'] = [0.1, 0.2, 0.2, 0.4]
    path.write_text(json.dumps(wrong))
    (fault,), (harmful,) = check_coco(str(path), 'folder')
    assert fault == harmful and fault.path == str(path)
    assert fault.what.startswith('no box reaches beyond 1, such as [0.1, 0.2, 0.2, 0.4]')


def test_sound_files_of_other_kinds(tmp_path: Path) -> None:
    test_dev, captions, lvis = content(), content(), content()
    del test_dev['annotations']
    assert found(tmp_path, test_dev) == []
    captions['annotations'] = [dict(id=1, image_id=1, caption='a thing')]
    del captions['categories']
    assert found(tmp_path, captions) == []
    for image in lvis['images']:
        name = image.pop('file_name')
        image['coco_url'] = f'http://images.cocodataset.org/train2017/{name}'
    assert found(tmp_path, lvis) == []
    lvis['annotations'][0]['area'] = 0
    ((path, _),) = found(tmp_path, lvis)
    assert path == 'folder/train2017/a.jpg'


RUNS = dict(size=[50, 100], counts=[4000, 1000])
TEXT = coco_masks.encode(np.asfortranarray(np.eye(50, 100, dtype=np.uint8)))['counts'].decode()


@pytest.mark.parametrize(
    ('change', 'phrase'),
    [
        (dict(bbox=[200, 10, 20, 20]), 'lies outside the picture of 100 x 50'),
        (dict(bbox=[90, 10, 20, 20]), 'stands 10 pixels out of the picture'),
        (dict(bbox=[10, 10, 0, 20]), 'the box has size 0 x 20'),
        (dict(bbox=[10, 10, -5, 20]), 'the box has size -5 x 20'),
        (dict(bbox=[10, NAN, 5, 20]), 'not finite'),
        (dict(bbox=[10, 10, 5]), 'not four numbers'),
        (dict(bbox=None), 'not four numbers'),
        (dict(area=0), 'its area is 0'),
        (dict(segmentation=[]), 'the mask has no polygon'),
        (dict(segmentation=[[]]), 'a polygon has 0 numbers'),
        (dict(segmentation=[[0, 0, 5, 5]]), 'a polygon has 4 numbers'),
        (dict(segmentation=[[0, 0, 5, 5, 1, NAN]]), 'not finite'),
        (dict(segmentation=[['a'] * 6]), 'not finite numbers'),
        (dict(segmentation=dict(RUNS, counts=[4000, 999])), 'do not fill the picture'),
        (dict(segmentation=dict(RUNS, counts=TEXT[:-1])), 'run-length encoding'),
        (dict(segmentation=dict(size=[50, 100])), 'run-length encoding'),
        (dict(segmentation=dict(size=[5, 10], counts=[40, 10])), 'the mask is of 10 x 5 pixels'),
        (dict(category_id=99), 'category_id 99'),
    ],
)
def test_faults_of_one_annotation(tmp_path: Path, change: dict, phrase: str) -> None:
    wrong = content()
    wrong['annotations'][0].update(change)
    ((path, what),) = found(tmp_path, wrong)
    assert path == 'folder/a.jpg' and what.startswith('annotation 7') and phrase in what


def test_each_picture_is_named_once(tmp_path: Path) -> None:
    wrong = content()
    for annotation in wrong['annotations']:
        annotation['bbox'] = [1, 1, 0, 0]
    ((path, what),) = found(tmp_path, wrong)
    assert path == 'folder/a.jpg' and what.endswith('(and 1 more)')


def test_faults_of_the_file(tmp_path: Path) -> None:
    file = str(tmp_path / 'instances.json')
    wrong = content()
    wrong['annotations'][1].update(id=7)
    assert found(tmp_path, wrong) == [('folder/a.jpg', 'annotation id 7 occurs twice')]
    wrong = content()
    wrong['annotations'][1].update(image_id=55)
    ((path, what),) = found(tmp_path, wrong)
    assert path == file and 'image_id 55' in what
    wrong = content()
    wrong['images'][1].update(id=1)
    assert found(tmp_path, wrong) == [('folder/b.jpg', 'image id 1 occurs twice')]
    wrong = content()
    del wrong['images'][1]['width']
    ((path, what),) = found(tmp_path, wrong)
    assert path == 'folder/b.jpg' and 'no valid width and height' in what
    assert found(tmp_path, dict(content(), categories=None))[0].what == "'categories' is no list"
    for nonsense in (5, [1], dict(images=[5], annotations=['a', {}], categories=[None])):
        found(tmp_path, nonsense)


def test_a_file_that_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / 'instances.json'
    assert check_coco_file(str(path)) == [(str(path), 'missing')]
    path.write_text(json.dumps(content())[:-30])
    ((name, what),) = check_coco_file(str(path))
    assert name == str(path) and 'cut off (line 1, column' in what
