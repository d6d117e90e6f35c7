"""A folder of graphs and settings: what ``export_onnx.py --out FOLDER`` writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mmsfa.errors import UserError

from .engines import ENGINES, FolderError, Graph, open_graph

SETTINGS = 'pipeline.json'
FORMAT = 1
FORMS = ('float', 'int8', 'qdq')  # int8: operators of onnxruntime; qdq: of ONNX alone


class Folder:
    """An exported model: settings, and graphs that are opened when they are first needed.

    Args:
        path: The folder.
        form: 'float'; or 'int8' or 'qdq', the graphs of integers, where there are any.
        threads: Threads of one operator; None leaves it to the engine.
        engine: 'onnxruntime', or 'openvino', which does not know the form 'int8'.

    Attributes:
        settings: What ``pipeline.json`` holds.

    Raises:
        FolderError: The folder is none, is damaged or has no graphs of this form.
        UserError: There is no such form or engine, or they do not go together.
    """

    def __init__(
        self,
        path: str | Path,
        form: str = 'float',
        threads: int | None = None,
        engine: str = 'onnxruntime',
    ) -> None:
        _check(form, engine)
        self.path = Path(path)
        self.settings = read_settings(self.path)
        self.files = {name: self._file(name, form) for name in self.settings['graphs']}
        self.threads, self.engine = threads, engine
        self._graphs: dict[str, Graph] = {}

    def _file(self, name: str, form: str) -> Path:
        forms = self.settings['graphs'][name]
        if name == 'dense' and form not in forms:
            raise FolderError(
                f'{self.path} holds no graphs of the form {form!r}, only {", ".join(forms)}: '
                f'export it with --{form}, or run one of those.'
            )
        file = self.path / forms.get(form, forms['float'])
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
        graph = self._graphs.get(name)
        if graph is None:
            graph = open_graph(self.files[name], self.threads, self.engine)
            self._graphs[name] = graph
        return graph(inputs)


def _check(form: str, engine: str) -> None:
    if form not in FORMS:
        raise UserError(f'form must be one of {", ".join(FORMS)}, got {form!r}.')
    if engine not in ENGINES:
        raise UserError(f'engine must be one of {", ".join(ENGINES)}, got {engine!r}.')
    if (form, engine) == ('int8', 'openvino'):
        raise UserError(
            "Graphs of the form 'int8' hold an operator of onnxruntime: take the form 'qdq' "
            '(export with --qdq) for openvino.'
        )


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
