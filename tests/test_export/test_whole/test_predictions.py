"""Predictions of folders beside those of PyTorch."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData, PixelData
from mmpretrain.structures import DataSample
from mmseg.structures import SegDataSample

from mmsfa.errors import OptionError
from mmsfa.export.whole.predictions import WholeComparison, folder_predictions, found_again, predict
from mmsfa.runtime import Classification, Instances, Segmentation


def instances(*rows: tuple[float, int]) -> InstanceData:
    """At these places, of these labels."""
    places, labels = zip(*rows, strict=True)
    boxes = torch.tensor(places)[:, None] + torch.tensor([0.0, 0, 5, 5])
    return InstanceData(bboxes=boxes, labels=torch.tensor(labels), scores=torch.ones(len(rows)))


def test_places_and_labels() -> None:
    want = instances((0, 1), (10, 1), (10, 1), (20, 2))
    assert found_again(want, want) == 4
    assert found_again(want, instances((10.0005, 1), (20, 1), (0.002, 1))) == 1, 'each once'
    assert found_again(want, want[:0]) == 0 == found_again(want[:0], want)


def test_sums_over_pictures() -> None:
    found = WholeComparison()
    for row in ((10, 1), (10.1, 1)):
        first, second = DetDataSample(), DetDataSample()
        first.pred_instances, second.pred_instances = instances((10, 1)), instances(row)
        found.add(first, second)
    assert (found.instances, found.same_place, found.predictions.agreeing) == (2, 1, 2)


def test_logits_are_no_result_of_a_folder() -> None:
    first, second = SegDataSample(), SegDataSample()
    first.seg_logits = PixelData(data=torch.ones(2, 3, 4))
    first.pred_sem_seg = second.pred_sem_seg = PixelData(data=torch.ones(1, 3, 4, dtype=torch.long))
    found = WholeComparison()
    found.add(first, second)
    assert (found.predictions.agreeing, found.predictions.what) == (12, 'pixels')
    assert 'seg_logits' in first


def answer(seen: list, result: object, path: str) -> object:
    seen.append(path)
    return result


def test_results_stand_where_models_put_them(tmp_path: Path) -> None:
    masks = np.ones((1, 3, 4), bool)
    ones = np.ones(1, np.float32)
    found = Instances(np.ones((1, 4), np.float32), ones, np.array([2]), masks)
    results = {
        DetDataSample: found,
        SegDataSample: Segmentation(np.full((3, 4), 2)),
        DataSample: Classification(np.array([0.25, 0, 0.75], np.float32)),
    }
    for kind, result in results.items():
        seen = []
        sample = kind(metainfo=dict(img_path='a.png'))
        batch = dict(data_samples=[sample])
        run = partial(answer, seen, result)
        ((same, (got,)),) = folder_predictions(run, [batch])
        assert same is batch and seen == ['a.png'] and got is not sample
        if kind is DetDataSample:
            assert got.pred_instances.labels.item() == 2 and got.pred_instances.masks.all()
        elif kind is SegDataSample:
            assert got.pred_sem_seg.data.shape == (1, 3, 4)
        else:
            assert got.pred_label.item() == 2 and got.pred_score[0] == 0.25


def test_pictures_must_be_files() -> None:
    with pytest.raises(OptionError, match='no img_path: leave it in the meta_keys'):
        predict(None, dict(data_samples=[DetDataSample()]))
