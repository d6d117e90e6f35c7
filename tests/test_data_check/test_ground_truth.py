"""What pycocotools reads as something else is mended in memory, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmsfa.data_check.ground_truth import mend_ground_truth
from tests.helpers.coco_content import coco_content, metric_of, precision_of


@pytest.fixture
def expected(tmp_path: Path) -> float:
    return precision_of(metric_of(tmp_path / 'sound.json', coco_content()))


def test_a_sound_file_is_left_alone(tmp_path: Path) -> None:
    metric = metric_of(tmp_path / 'a.json', coco_content())
    before = metric._coco_api.anns
    assert mend_ground_truth(metric._coco_api) == [] and metric._coco_api.anns is before


@pytest.mark.parametrize('number', [0, False, '0', 0.0])
def test_a_box_with_id_0_is_found(tmp_path: Path, expected: float, number: object) -> None:
    content = coco_content()
    content['annotations'][5]['id'] = number
    assert precision_of(metric_of(tmp_path / 'a.json', content)) < expected
    metric = metric_of(tmp_path / 'a.json', content)
    (said,) = mend_ground_truth(metric._coco_api)
    assert f'annotation id {number!r} would count' in said and said.endswith('renumbered')
    assert precision_of(metric) == expected


def test_ids_that_are_words_and_boxes_without_crowd(tmp_path: Path, expected: float) -> None:
    content = coco_content()
    for annotation in content['annotations']:
        annotation['id'] = f'a{annotation["id"]}'
    del content['annotations'][0]['iscrowd']
    content['annotations'][1]['iscrowd'] = None
    with pytest.raises((KeyError, TypeError, ValueError)):
        precision_of(metric_of(tmp_path / 'a.json', content))
    metric = metric_of(tmp_path / 'a.json', content)
    assert [what[:13] for what in mend_ground_truth(metric._coco_api)] == [
        'annotation id',
        '2 annotations',
    ]
    assert precision_of(metric) == expected
