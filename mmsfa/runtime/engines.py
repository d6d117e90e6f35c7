"""What computes a graph: onnxruntime, or OpenVINO, which is faster on graphs in QDQ form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
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


@dataclass(frozen=True)
class Graph:
    """A graph that an engine has opened, called with inputs by name for outputs by name.

    Attributes:
        inputs: Names of the inputs.
        outputs: Names of the outputs.
        compute: From inputs by name to the outputs in their order.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    compute: Callable[[Maps], Sequence[np.ndarray]]

    def __call__(self, inputs: Maps) -> Maps:
        """Outputs by name."""
        return dict(zip(self.outputs, self.compute(inputs), strict=True))


class FolderError(UserError):
    """A folder holds no exported model, or not all of it."""


def open_graph(
    source: Path | bytes, threads: int | None = None, engine: str = 'onnxruntime'
) -> Graph:
    """Open a graph on the CPU.

    Args:
        source: A file that ``export_onnx.py`` has written, or what is in one.
        threads: Threads of one operator; None leaves it to the engine.
        engine: One of `ENGINES`.

    Raises:
        FolderError: The engine is not installed, or cannot load the graph.
    """
    name = source if isinstance(source, Path) else 'a graph'
    try:
        return (_onnxruntime if engine == 'onnxruntime' else _openvino)(source, threads)
    except ImportError as error:
        raise FolderError(
            f'{engine} must be installed to run {name}: {INSTALL[engine]}.'
        ) from error
    except Exception as error:  # neither has a class above its own
        lines = [line for line in str(error).splitlines() if line.strip()]
        said = lines[-1].strip() if lines else type(error).__name__
        raise FolderError(f'{engine} cannot load {name}: {said}') from error


def _onnxruntime(source: Path | bytes, threads: int | None) -> Graph:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    # Its threads wait in a loop for more work, and take the cores from the next graph of a folder.
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    if threads is not None:
        options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(source, options, providers=['CPUExecutionProvider'])
    inputs = tuple(one.name for one in session.get_inputs())
    outputs = tuple(one.name for one in session.get_outputs())
    return Graph(inputs, outputs, lambda maps: session.run(outputs, maps))


@lru_cache(maxsize=1)
def _once(core: Callable[[], Any]) -> Any:
    """OpenVINO's core, one for the whole process.

    Each further one takes the stack of signals, and gives it back when it ends: of two that end in
    the order of their beginnings, the second one gives back memory that is gone (2026.4.1), and the
    next signal ends the process.
    """
    return core()


def _openvino(source: Path | bytes, threads: int | None) -> Graph:
    import openvino

    # Without the hint it computes in 16 bits where the processor can.
    settings: dict[str, Any] = dict(INFERENCE_PRECISION_HINT='f32')
    if threads is not None:
        settings['INFERENCE_NUM_THREADS'] = threads
    core = _once(openvino.Core)
    compiled = core.compile_model(core.read_model(source), 'CPU', settings)
    inputs = tuple(one.any_name for one in compiled.inputs)
    outputs = tuple(one.any_name for one in compiled.outputs)
    return Graph(inputs, outputs, lambda maps: list(compiled(maps).values()))
