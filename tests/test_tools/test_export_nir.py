"""tools/deployment/export_nir.py as a user runs it."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import nir
import pytest
import torch
from torch import nn

from mmsfa import compat
from mmsfa.apis.trained_model import build_model
from mmsfa.cli.options import read_config
from mmsfa.export.nir import check as nir_check
from mmsfa.export.nir import export as nir_export

TOOL = 'tools/deployment/export_nir.py'
DET = 'configs/det/mask_rcnn_esf_demo.py'
Tool = Callable[..., str]


@pytest.fixture
def checkpoint(lively_weights: Callable[[nn.Module], nn.Module], tmp_path: Path) -> Path:
    """Weights of the demo detector with which every layer fires."""
    torch.manual_seed(0)
    model = build_model(read_config(Namespace(config=DET, cfg_options=None)))
    lively_weights(model.backbone)
    path = tmp_path / 'lively.pth'
    torch.save(dict(state_dict=model.state_dict()), path)
    return path


@pytest.fixture
def refuses(
    call_tool: Tool, checkpoint: Path, shapes_dir: Path, tmp_path: Path
) -> Callable[[str], None]:
    """A function that runs the tool, which must stop with this sentence and write nothing."""

    def check(sentence: str) -> None:
        out = tmp_path / 'new' / 'demo.nir'
        data = ('--cfg-options', f'data_root={shapes_dir}')
        with pytest.raises(SystemExit, match=sentence):
            call_tool(TOOL, DET, checkpoint, '--out', out, '--stages', 1, *data)
        assert list(out.parent.iterdir()) == []

    return check


def test_a_detector_is_exported_and_proven(
    call_tool: Tool, checkpoint: Path, shapes_dir: Path, tmp_path: Path
) -> None:
    out = tmp_path / 'new' / 'demo.nir'
    data = ('--cfg-options', f'data_root={shapes_dir}')
    printed = call_tool(TOOL, DET, checkpoint, '--out', out, '--stages', 1, *data)
    graph = nir.read(out)
    assert [path.name for path in out.parent.iterdir()] == ['demo.nir']
    for name in graph.nodes:
        assert name in printed
    said = re.search(r'All (\d+) spikes of 5 layers are identical', printed)
    assert int(said[1]) > 10_000
    assert tuple(graph.nodes['input'].input_type['input']) == (3, 128, 128)
    assert graph.nodes['downsample_layers.0.conv'].weight.dtype == 'float64'


def test_a_graph_that_differs_is_not_written(
    refuses: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = nir_check.spikes_of_graph

    def one_spike_more(*args: object) -> tuple:
        spikes, out = real(*args)
        next(iter(spikes.values()))[-1, 0, 0, 0, 0] += 1
        return spikes, out

    monkeypatch.setattr(nir_check, 'spikes_of_graph', one_spike_more)
    refuses(r'1 spikes differ .* was not written')


def test_a_wrong_last_convolution_is_not_written(
    refuses: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No neuron comes after it: all spikes are equal, and only the map tells."""
    real = nir_export.export_nir

    def one_weight_off(*args: object) -> nir.NIRGraph:
        graph = real(*args)
        last = graph.nodes['stages.0.0.conv2.conv']
        assert ('stages.0.0.conv2.conv', 'stages.0.sum') in graph.edges
        last.weight[0, 0] += 1e-5
        return graph

    monkeypatch.setattr(nir_export, 'export_nir', one_weight_off)
    refuses(r'the last maps differ by .* was not written')


def test_what_cannot_be_exported_is_said_in_a_sentence(
    call_tool: Tool,
    checkpoint: Path,
    shapes_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / 'demo.nir'
    args = (TOOL, DET, checkpoint, '--out', out)
    data = ('--cfg-options', f'data_root={shapes_dir}')
    with pytest.raises(SystemExit, match=r'SpikeDrivenSelfAttention in stages\.3\.0\.attn'):
        call_tool(*args, '--stages', 4, *data)
    with pytest.raises(SystemExit, match='2'):
        call_tool(TOOL, DET, checkpoint, '--out', tmp_path / 'demo.onnx', *data)
    monkeypatch.setattr(compat, 'importable', lambda name: name != 'nirtorch')
    with pytest.raises(SystemExit, match=r"nirtorch must be (.|\n)* 'mmsfa\[export\]'"):
        call_tool(*args, *data)
    assert not out.exists()


def test_code_is_refused(call_tool: Tool, tmp_path: Path, runs_code: object, marker: Path) -> None:
    evil = tmp_path / 'evil.pth'
    torch.save(dict(state_dict={}, extra=runs_code), evil)
    with pytest.raises(SystemExit, match='--trust-checkpoint'):
        call_tool(TOOL, DET, evil, '--out', tmp_path / 'demo.nir')
    assert not marker.exists()
