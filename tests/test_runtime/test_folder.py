"""A folder is opened as a whole, or says what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmsfa.errors import UserError
from mmsfa.export.onnx.export import save
from mmsfa.export.whole.graphs import align_graph
from mmsfa.runtime.folder import FORMAT, Folder, FolderError

ALIGN = dict(
    output_height=2, output_width=2, sampling_ratio=0, mode='avg',
    coordinate_transformation_mode='half_pixel',
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One with a single graph, called the dense one."""
    save(align_graph(ALIGN), tmp_path / 'a.onnx')
    write(tmp_path, graphs=dict(dense=dict(float='a.onnx')))
    return tmp_path


def write(folder: Path, **settings: Any) -> None:
    text = json.dumps(dict(format=FORMAT) | settings)
    (folder / 'pipeline.json').write_text(text)


def test_graphs_are_opened_when_they_run(folder: Path) -> None:
    opened = Folder(folder, threads=1)
    picture = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    regions = np.array([[0, 0, 4, 4]], np.float32)
    outputs = opened.run('dense', map=picture, regions=regions, picture=np.zeros(1, np.int64))
    assert outputs['features'].tolist() == [[[[2.5, 4.5], [10.5, 12.5]]]]


def test_what_is_no_folder(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r'none must be a folder .* FileNotFoundError'):
        Folder(tmp_path / 'none')
    (folder / 'pipeline.json').write_text('{')
    with pytest.raises(FolderError, match='cannot be read: JSONDecodeError'):
        Folder(folder)
    write(folder, format=FORMAT + 1)
    with pytest.raises(FolderError, match=f'must have format {FORMAT}, got {FORMAT + 1}: export'):
        Folder(folder)


def test_what_is_missing_or_damaged(folder: Path) -> None:
    with pytest.raises(FolderError, match="form 'int8', only float: export it with --int8"):
        Folder(folder, 'int8')
    (folder / 'a.onnx').unlink()
    with pytest.raises(FolderError, match=r'a\.onnx is missing, .* copy the folder as a whole'):
        Folder(folder)


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(form='int4'), "form must be one of float, int8, qdq, got 'int4'"),
        (dict(engine='tvm'), "engine must be one of onnxruntime, openvino, got 'tvm'"),
        (dict(form='int8', engine='openvino'), "take the form 'qdq'"),
    ],
)
def test_wrong_settings(folder: Path, settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Folder(folder, **settings)


def test_integers_where_there_are_any(folder: Path) -> None:
    for name in ('b.onnx', 'b_int8.onnx'):
        (folder / name).touch()
    forms = dict(float='b.onnx', int8='b_int8.onnx')
    write(folder, graphs=dict(dense=forms, align=dict(float='a.onnx')))
    names = {name: file.name for name, file in Folder(folder, 'int8').files.items()}
    assert names == dict(dense='b_int8.onnx', align='a.onnx')
    assert Folder(folder).files['dense'].name == 'b.onnx'
