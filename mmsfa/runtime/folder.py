"""A folder of graphs and settings: what ``export_onnx.py --out FOLDER`` writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mmsfa.errors import UserError

SETTINGS = 'pipeline.json'
FORMAT = 1
INSTALL = "pip install onnxruntime, or 'mmsfa[export]' where PyTorch is, too"


class FolderError(UserError):
    """A folder holds no exported model, or not all of it."""


class Folder:
    """An exported model: settings, and graphs that are opened when they are first needed.

    Args:
        path: The folder.
        int8: Whether to take the graphs of integers, where there are any.
        threads: Threads of one operator; None leaves it to onnxruntime.

    Attributes:
        settings: What ``pipeline.json`` holds.

    Raises:
        FolderError: The folder is none, is damaged or has no graph of integers.
    """

    def __init__(self, path: str | Path, int8: bool = False, threads: int | None = None) -> None:
        self.path = Path(path)
        self.settings = read_settings(self.path)
        self.files = {name: self._file(name, int8) for name in self.settings['graphs']}
        self.threads = threads
        self._sessions: dict[str, Any] = {}

    def _file(self, name: str, int8: bool) -> Path:
        forms = self.settings['graphs'][name]
        form = 'int8' if int8 and 'int8' in forms else 'float'
        if int8 and name == 'dense' and form == 'float':
            raise FolderError(
                f'{self.path} holds no graphs of integers: export it with --int8, or run it '
                'without int8.'
            )
        file = self.path / forms[form]
        if not file.is_file():
            raise FolderError(
                f'{file} is missing, which {SETTINGS} beside it names: copy the folder as a whole.'
            )
        return file

    def run(self, name: str, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        """What a graph gives, by the names of its outputs.

        Args:
            name: Name of the graph in ``settings['graphs']``.
            **inputs: Its inputs by name.
        """
        session = self._sessions.get(name)
        if session is None:
            session = self._sessions[name] = open_session(self.files[name], self.threads)
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, inputs), strict=True))


def read_settings(path: Path) -> dict[str, Any]:
    """The settings of a folder.

    Raises:
        FolderError: There are none, or of another version.
    """
    file = path / SETTINGS
    try:
        settings = json.loads(file.read_text(encoding='utf-8'))
        version = settings['format']
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FolderError(
            f'{path} must be a folder with a {SETTINGS} that `export_onnx.py --out FOLDER` has '
            f'written, and {file} cannot be read: {type(error).__name__}: {error}'
        ) from error
    if version != FORMAT:
        raise FolderError(
            f'{file} must have format {FORMAT}, got {version!r}: export the model again, with the '
            'mmsfa that runs it.'
        )
    return settings


def open_session(file: Path, threads: int | None) -> Any:
    """A graph in onnxruntime, on the CPU."""
    try:
        import onnxruntime
    except ImportError as error:
        raise FolderError(f'onnxruntime must be installed to run {file}: {INSTALL}.') from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(file, options, providers=['CPUExecutionProvider'])
    except Exception as error:  # onnxruntime has no class above its own
        line = (str(error).splitlines() or [type(error).__name__])[0]
        raise FolderError(f'onnxruntime cannot load {file}: {line}') from error
