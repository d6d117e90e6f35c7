"""Graphs in QDQ form: operators of ONNX alone, the same numbers in both engines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
import torch
from torch import nn

from mmsfa.errors import OptionError
from mmsfa.export.onnx.export import export_module, export_regions, save
from mmsfa.export.onnx.integer import float_layers
from mmsfa.export.onnx.qdq import to_qdq
from mmsfa.export.onnx.tensor_part import TensorPart
from mmsfa.neurons import SFA
from mmsfa.runtime.engines import ENGINES, open_graph


def run(graph: ir.Model, image: torch.Tensor, engine: str, folder: Path) -> list[torch.Tensor]:
    pytest.importorskip(engine)
    save(graph, folder / 'graph.onnx')
    opened = open_graph(folder / 'graph.onnx', 1, engine)
    found = opened({opened.inputs[0]: image.numpy()})
    return [torch.from_numpy(found[output.name]) for output in graph.graph.outputs]


@pytest.mark.parametrize('engine', ENGINES)
@pytest.mark.parametrize('kind', ['detector', 'strict classifier'])
@torch.no_grad()
def test_whole_models_bit_for_bit(
    exported: Callable, tmp_path: Path, kind: str, engine: str
) -> None:
    _, model, graph = exported(kind)
    image = torch.randint(-16, 17, (2, 3, 128, 64)) / 8
    converted = to_qdq(graph)
    assert {node.domain for node in converted.graph} == {''}
    for ours, theirs in zip(
        run(converted, image, engine, tmp_path), TensorPart(model)(image), strict=True
    ):
        assert theirs.unique().numel() > 3
        assert torch.equal(ours, theirs)


def test_weights_and_spikes_are_bytes(exported: Callable) -> None:
    graph = exported('detector').graph
    before = Counter(node.op_type for node in graph.graph)
    converted = to_qdq(graph)
    after = Counter(node.op_type for node in converted.graph)
    assert after['Conv'] == before['Conv'] and after['Round'] == 0
    assert after['QuantizeLinear'] == before['Round']
    assert float_layers(converted) == ['model.backbone.downsample_layers.0.conv'], 'of the image'
    assert Counter(node.op_type for node in graph.graph) == before, 'the float graph stays'


LAYERS = {
    'linear': lambda: nn.Sequential(SFA(), nn.Linear(6, 8), SFA(D=8, norm=2), nn.Linear(8, 5)),
    'half up': lambda: nn.Sequential(SFA(rounding='half_up'), nn.Conv2d(4, 8, 3, padding=1)),
    'transposed': lambda: nn.Sequential(SFA(), nn.ConvTranspose2d(4, 8, 2, stride=2)),
    'overlapping': lambda: nn.Sequential(SFA(), nn.ConvTranspose2d(4, 8, 3, stride=2, padding=1)),
    'D=255': lambda: nn.Sequential(SFA(D=255, norm=4), nn.Conv2d(4, 8, 1), SFA(D=1, norm=1)),
}


@pytest.mark.parametrize('engine', ENGINES)
@pytest.mark.parametrize('name', LAYERS)
@torch.no_grad()
def test_layers_bit_for_bit(bytes_exact: Callable, tmp_path: Path, name: str, engine: str) -> None:
    module = bytes_exact(LAYERS[name]()).eval()
    image = torch.randint(-60, 61, (2, 4, 8, 6)) / 16  # halves among them
    converted = to_qdq(export_regions(module, ['out'], tuple(image.shape)))
    assert not float_layers(converted)
    (ours,) = run(converted, image, engine, tmp_path)
    assert torch.equal(ours, module(image)) and ours.unique().numel() > 1


def test_spikes_as_outputs_keep_their_name(tmp_path: Path) -> None:
    module = nn.Sequential(SFA(), nn.Conv2d(4, 4, 1), SFA(norm=1)).eval()
    graph = export_module(module, (1, 4, 8, 8))
    converted = to_qdq(graph)
    assert [out.name for out in converted.graph.outputs] == [o.name for o in graph.graph.outputs]
    (counts,) = run(converted, torch.randn(1, 4, 8, 8) * 4, 'onnxruntime', tmp_path)
    assert set(np.unique(counts)) <= {0, 1, 2, 3, 4}


def test_a_model_without_spikes_is_refused() -> None:
    graph = export_module(nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU()).eval(), (1, 4, 8, 8))
    with pytest.raises(OptionError, match=r'some layer of a QDQ graph.*leave out --qdq'):
        to_qdq(graph)
