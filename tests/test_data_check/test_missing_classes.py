"""Classes that no annotation has."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from mmdet.datasets import CocoDataset
from mmengine.dataset import BaseDataset, ConcatDataset

from mmsfa.data_check.missing_classes import (
    classes_without_labels,
    name_some,
    sentence_on_labels,
)


class Listed(BaseDataset):
    """Samples that the metainfo lists."""

    def load_data_list(self) -> list[dict]:
        return [dict(one) for one in self.metainfo['samples']]


def listed(*samples: dict, classes: tuple = ('a', 'b', 'c')) -> Listed:
    return Listed(metainfo=dict(classes=classes, samples=samples))


def things(*labels: int, **more: object) -> dict:
    return dict(instances=[dict(bbox_label=label, ignore_flag=0, **more) for label in labels])


@pytest.mark.parametrize(
    ('samples', 'missing'),
    [
        ([dict(gt_label=0), dict(gt_label=2), dict(gt_label=1)], ([], 3)),
        ([dict(gt_label=0), dict(gt_label=np.int64(2))], (['b'], 3)),
        ([dict(gt_label=[0, 1])], (['c'], 3)),
        ([things(0, 1), things(2)], ([], 3)),
        ([things(0), things()], (['b', 'c'], 3)),
        ([dict(instances=[dict(bbox_label=1, ignore_flag=1)])], (['a', 'b', 'c'], 3)),
        ([dict(seg_map_path='a.png')], ([], 0)),
        ([dict(gt_label=dict(task=1))], ([], 0)),
        ([dict(gt_label='a')], ([], 0)),
    ],
)
def test_what_is_missing(samples: list[dict], missing: tuple) -> None:
    assert classes_without_labels(listed(*samples)) == missing


def test_the_sentence() -> None:
    assert sentence_on_labels('train', listed(things(0, 1), things(2))) is None
    training, test = (sentence_on_labels(split, listed(things(0))) for split in ('train', 'test'))
    assert training == (
        'The training set has no annotation of 2 of 3 classes (b, c), so nothing can learn them.'
    )
    assert test.startswith('The test set') and test.endswith('so no metric measures them.')


def test_wrappers_and_what_is_no_set_of_classes() -> None:
    one, other = listed(dict(gt_label=0)), listed(dict(gt_label=2))
    both = ConcatDataset([one, other], ignore_keys=['samples'])
    assert classes_without_labels(both) == (['b'], 3)
    stranger = listed(dict(gt_label=0), classes=('d',))
    several = ConcatDataset([one, stranger], ignore_keys=['classes', 'samples'])
    assert classes_without_labels(several) == ([], 0)
    assert classes_without_labels([1, 2]) == ([], 0)


def test_a_set_with_all_classes_is_not_read_to_its_end() -> None:
    asked = []

    class Counted(Listed):
        def get_data_info(self, index: int) -> dict:
            asked.append(index)
            return super().get_data_info(index)

    state = np.random.get_state()[1].tolist()
    samples = [dict(gt_label=number // 1000) for number in range(3000)]  # in the order of classes
    dataset = Counted(metainfo=dict(classes=('a', 'b', 'c'), samples=samples))
    assert classes_without_labels(dataset) == ([], 3) and len(asked) < 100
    assert np.random.get_state()[1].tolist() == state


def test_a_class_without_a_box_in_coco(shapes_dir: Path, tmp_path: Path) -> None:
    content = json.loads((shapes_dir / 'annotations/instances_train.json').read_text())
    names = tuple(category['name'] for category in content['categories'])
    gone = content['categories'][1]
    content['annotations'] = [
        one for one in content['annotations'] if one['category_id'] != gone['id']
    ]
    path = tmp_path / 'a.json'
    path.write_text(json.dumps(content))
    dataset = CocoDataset(
        ann_file=str(path), data_prefix=dict(img=''), metainfo=dict(classes=names)
    )
    assert classes_without_labels(dataset) == ([gone['name']], len(names))


def test_names_in_a_sentence() -> None:
    assert name_some(['a', 'b']) == 'a, b'
    assert name_some([str(number) for number in range(1200)], 2) == '0, 1 and 1,198 more'
