"""What computes a graph: onnxruntime, or OpenVINO, which is faster on graphs in QDQ form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mmsfa.errors import UserError

INSTALL = {
    'onnxruntime': "pip install onnxruntime, or 'mmsfa[export]' where PyTorch is, too",
    'openvino': 'pip install openvino',
}
ENGINES = tuple(INSTALL)

Maps = dict[str, np.ndarray]
Graph = Callable[[Maps], Maps]  # from inputs by name to outputs by name


class FolderError(UserError):
    """A folder holds no exported model, or not all of it."""


def open_graph(file: Path, threads: int | None = None, engine: str = 'onnxruntime') -> Graph:
    """A graph on the CPU, as a function.

    Args:
        file: What ``export_onnx.py`` has written.
        threads: Threads of one operator; None leaves it to the engine.
        engine: One of `ENGINES`.

    Raises:
        FolderError: The engine is not installed, or cannot load the graph.
    """
    try:
        return (_onnxruntime if engine == 'onnxruntime' else _openvino)(file, threads)
    except ImportError as error:
        raise FolderError(
            f'{engine} must be installed to run {file}: {INSTALL[engine]}.'
        ) from error
    except Exception as error:  # neither has a class above its own
        lines = [line for line in str(error).splitlines() if line.strip()]
        said = lines[-1].strip() if lines else type(error).__name__
        raise FolderError(f'{engine} cannot load {file}: {said}') from error


def _onnxruntime(file: Path, threads: int | None) -> Graph:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    if threads is not None:
        options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(file, options, providers=['CPUExecutionProvider'])
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, inputs), strict=True))


def _openvino(file: Path, threads: int | None) -> Graph:
    import openvino

    # Without the hint it computes in 16 bits where the processor can.
    settings: dict[str, Any] = dict(INFERENCE_PRECISION_HINT='f32')
    if threads is not None:
        settings['INFERENCE_NUM_THREADS'] = threads
    compiled = openvino.Core().compile_model(file, 'CPU', settings)
    names = [output.any_name for output in compiled.outputs]
    return lambda inputs: dict(zip(names, map(np.array, compiled(inputs).values()), strict=True))
