"""What libraries do again in each call, though a process of tests needs it once or never."""

from __future__ import annotations

import ast
import sys
from functools import cache
from typing import Any

from yapf.yapflib import yapf_api


def leave_config_texts_unformatted() -> None:
    """Spare this process yapf, which takes longer than a training step; its errors stay.

    Each Runner of mmengine has the text of its config formatted four times.
    """

    def unformatted(text: str, **_options: Any) -> tuple[str, bool]:
        ast.parse(text)
        return text, False

    yapf_api.FormatCode = unformatted


def keep_the_library_of_operators() -> None:
    """Let torch's ONNX exporter read the sources of onnxscript's 500 operators once.

    It reads them for each export, which takes as long as the export of a layer.
    """
    if 'onnxscript' in sys.modules:
        from torch.onnx._internal._lazy_import import onnxscript_apis

        onnxscript_apis.get_torchlib_ops = cache(onnxscript_apis.get_torchlib_ops)
