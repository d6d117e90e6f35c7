"""The text of a config stays as mmengine writes it: each Runner has yapf format it four times."""

from __future__ import annotations

import ast
from typing import Any

from yapf.yapflib import yapf_api


def leave_config_texts_unformatted() -> None:
    """Spare this process yapf, which takes longer than a training step; its errors stay."""

    def unformatted(text: str, **_options: Any) -> tuple[str, bool]:
        ast.parse(text)
        return text, False

    yapf_api.FormatCode = unformatted
