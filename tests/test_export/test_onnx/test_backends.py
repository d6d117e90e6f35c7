"""Backends of one model, compared and evaluated."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.logging import MMLogger
from mmengine.model import BaseModel
from mmpretrain.structures import DataSample
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmsfa.apis.trained_model import picture_loader
from mmsfa.compat import importable
from mmsfa.export.onnx.backends import (
    Comparison,
    backbone_backends,
    compare_backend,
    evaluate_backend,
)
from mmsfa.export.onnx.runtime import Session
from mmsfa.layers import SpikeConv
from tests.helpers.onnx_graphs import written


class Classifier(BaseModel):
    """Its picture is its scores."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Flatten()

    def extract_feat(self, image: Tensor) -> Tensor:
        return image

    def forward(self, inputs: list[Tensor], data_samples=None, mode: str = 'tensor') -> list:
        scores = self.head(self.extract_feat(torch.stack(inputs)))
        samples = [DataSample().set_pred_score(one) for one in scores]
        return [
            one.set_pred_label(one.pred_score.argmax()).set_gt_label(truth)
            for one, truth in zip(samples, data_samples, strict=True)
        ]


def session(mirrored: bool) -> Session:
    """The scores as they are, or 4 less them."""

    def make(write, image):
        return [write.op('Flatten', write.op('Sub', np.float32(4), image) if mirrored else image)]

    graph = written(make)
    graph.graph.outputs[0].name = 'scores'
    return Session(graph)


class Pictures(BaseDataset):
    """Four pictures of scores, three of which tell the truth."""

    METAINFO = dict(classes=('a', 'b'))

    def load_data_list(self) -> list[dict]:
        scores = torch.tensor([[3.0, 1], [1, 3], [4, 3], [0, 2]])
        return [
            dict(inputs=one.view(2, 1, 1), data_samples=truth)
            for one, truth in zip(scores, [0, 1, 1, 1], strict=True)
        ]


def together(items: list[dict]) -> dict:
    return {key: [item[key] for item in items] for key in ('inputs', 'data_samples')}


@pytest.fixture
def loader() -> DataLoader:
    return DataLoader(Pictures(serialize_data=False), batch_size=2, collate_fn=together)


@pytest.mark.parametrize('kind', ['detector', 'segmentor'])
def test_a_session_takes_the_place_of_the_tensor_part(
    exported: Callable, lively_weights: Callable, shapes_dir: Path, kind: str
) -> None:
    cfg, model, graph = exported(kind)
    cfg = Config(cfg.to_dict())
    cfg.merge_from_dict({'test_dataloader.dataset.data_root': str(shapes_dir)})
    found = compare_backend(model, Session(graph), picture_loader(cfg, 2))
    assert found.values > 1000 and found.same > 0.9 * found.values
    assert found.predictions.total > 0
    assert found.predictions.agreeing > 0.9 * found.predictions.total
    assert 'extract_feat' not in vars(model), 'the model is itself again'


def test_differences_are_shares_of_the_largest_value() -> None:
    found = Comparison()
    found.add([torch.tensor([10.0, -20.0])], [torch.tensor([10.0, -19.0])])
    assert (found.values, found.same, found.largest) == (2, 1, pytest.approx(1 / 20))
    small = torch.tensor([1.0, 0.0])
    found.add([small, torch.zeros(1)], [small + 9e-4, torch.zeros(1)])
    assert (found.values, found.same, found.largest) == (5, 4, pytest.approx(1 / 20))
    found.add([small], [torch.tensor([1.0, float('nan')])])
    assert found.largest == float('inf') and found.same == 5
    with pytest.raises(ValueError, match='zip'):
        found.add([small], [])


@pytest.mark.parametrize(('mirrored', 'agreeing'), [(False, 4), (True, 0)])
def test_predictions_and_maps_are_compared_picture_by_picture(
    loader: DataLoader, mirrored: bool, agreeing: int
) -> None:
    found = compare_backend(Classifier().eval(), session(mirrored), loader)
    assert (found.predictions.agreeing, found.predictions.total) == (agreeing, 4)
    assert found.values == 8 and found.largest == (1 if mirrored else 0)
    assert found.same == (1 if mirrored else 8)  # the 2 is 2 in both


@pytest.mark.parametrize(('mirrored', 'accuracy'), [(None, 75), (False, 75), (True, 25)])
def test_the_figures_are_those_of_the_configs_own_evaluator(
    loader: DataLoader, mirrored: bool | None, accuracy: float
) -> None:
    logger = MMLogger.get_current_instance()
    logger.setLevel(logging.INFO)
    cfg = Config(dict(test_evaluator=dict(type='mmpretrain.Accuracy', topk=(1,))))
    backend = None if mirrored is None else session(mirrored)
    assert evaluate_backend(Classifier().eval(), backend, cfg, loader) == {
        'accuracy/top1': accuracy
    }
    assert logger.level == logging.INFO, 'it was silent meanwhile'


@pytest.mark.slow
def test_a_backbone_in_every_backend(bytes_exact: Callable) -> None:
    """Float and integer graphs of a layer whose weights a byte holds: the same bits."""
    cfg = dict(neuron_cfg=dict(type='mmpretrain.SFA'), norm_cfg=None, bias=True)
    layer = bytes_exact(SpikeConv(3, 4, 3, **cfg)).eval()
    found = backbone_backends(layer)
    names = ['eager PyTorch', 'float ONNX', 'int8 ONNX', 'qdq ONNX']
    assert list(found) == names + ['qdq OpenVINO'] * bool(importable('openvino'))
    assert found.pop('eager PyTorch') is layer
    x = torch.randint(-60, 61, (1, 3, 9, 8)) / 16
    with torch.no_grad():
        want = layer(x)
    for backend in found.values():
        (out,) = backend(x)
        assert torch.equal(out, want)
