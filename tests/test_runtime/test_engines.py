"""Both engines compute a graph alike, or say why they cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmsfa.export.onnx.export import save
from mmsfa.runtime.engines import ENGINES, FolderError, open_graph
from tests.helpers.onnx_graphs import written


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A graph of two outputs."""

    def make(write, image):
        return [write.op('Mul', image, np.float32(3)), write.op('Neg', image)]

    save(written(make), tmp_path / 'a.onnx')
    return tmp_path / 'a.onnx'


@pytest.mark.parametrize('engine', ENGINES)
def test_outputs_by_name(file: Path, engine: str) -> None:
    pytest.importorskip(engine)
    graph = open_graph(file, 1, engine)
    first, second = (graph(dict(image=np.full((1, 2, n, n), n, np.float32))) for n in (3, 4))
    assert {name: out.shape for name, out in first.items()} == dict.fromkeys(
        ('out_0', 'out_1'), (1, 2, 3, 3)
    )
    assert (first['out_0'] == 9).all() and (second['out_1'] == -4).all()
    assert (first['out_1'] == -3).all(), 'a result is not overwritten by the next one'


@pytest.mark.parametrize('engine', ENGINES)
def test_what_cannot_be_run(file: Path, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(engine)
    file.write_bytes(b'junk')
    with pytest.raises(FolderError, match=rf'{engine} cannot load .*a\.onnx: \S'):
        open_graph(file, engine=engine)
    monkeypatch.setitem(sys.modules, engine, None)
    with pytest.raises(FolderError, match=rf'{engine} must be installed .*a\.onnx: pip install'):
        open_graph(file, engine=engine)


SIGNALS = """
import faulthandler, signal, sys
from pathlib import Path
faulthandler.enable()  # gives signals a stack of their own, as pytest does
signal.signal(signal.SIGUSR1, lambda *_: print('arrived'))
from mmsfa.runtime.engines import open_graph
first, second = (open_graph(Path(sys.argv[1]), 1, sys.argv[2]) for _ in range(2))
del first
del second
signal.raise_signal(signal.SIGUSR1)
"""


@pytest.mark.parametrize('engine', ENGINES)
def test_signals_arrive_when_graphs_are_gone(file: Path, engine: str) -> None:
    pytest.importorskip(engine)
    done = subprocess.run(
        [sys.executable, '-c', SIGNALS, file, engine], capture_output=True, text=True,
        env=os.environ | {'MMSFA_RUNTIME_ONLY': '1'},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, 'arrived\n'), done.stderr
