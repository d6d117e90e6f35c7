"""Graphs in onnxruntime, called as modules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest
import torch

from mmsfa.export.onnx.runtime import Session
from tests.helpers.onnx_graphs import written


@pytest.fixture
def graph() -> ir.Model:
    """The picture doubled, and its negative."""
    return written(
        lambda write, image: [write.op('Mul', image, np.float32(2)), write.op('Neg', image)]
    )


@pytest.mark.parametrize('from_file', [False, True])
def test_outputs_by_place_and_by_name(graph: ir.Model, tmp_path: Path, from_file: bool) -> None:
    path = tmp_path / 'graph.onnx'
    ir.save(graph, path)
    session, x = Session(path if from_file else graph), torch.randn(2, 3, 4, 5)
    assert session.names == ('out_0', 'out_1')
    for outputs in (session(x), session.by_name(x).values()):
        doubled, negative = outputs
        assert torch.equal(doubled, 2 * x) and torch.equal(negative, -x)
    assert list(session.by_name(x)) == ['out_0', 'out_1']
    assert session(x[:1, :, :2])[0].shape == (1, 3, 2, 5)


def test_it_takes_as_many_threads_as_torch(
    graph: ir.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    original = onnxruntime.InferenceSession

    def open_session(source: bytes, options: Any, **kwargs: Any) -> Any:
        asked.append(options.intra_op_num_threads)
        return original(source, options, **kwargs)

    monkeypatch.setattr(onnxruntime, 'InferenceSession', open_session)
    Session(graph)
    assert asked == [torch.get_num_threads()]
