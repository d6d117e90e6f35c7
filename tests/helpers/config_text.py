"""A config is formatted once: each Runner does it four times, which takes longer than a step."""

from __future__ import annotations

from functools import wraps
from typing import Any

from yapf.yapflib import yapf_api


def format_each_text_once() -> None:
    """Let this process remember what yapf made of a text; the results are the same."""
    plain, known = yapf_api.FormatCode, {}

    @wraps(plain)
    def formatted(text: str, **options: Any) -> tuple:
        key = (text, repr(sorted(options.items())))
        if key not in known:
            known[key] = plain(text, **options)
        return known[key]

    yapf_api.FormatCode = formatted
