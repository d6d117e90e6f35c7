"""Tensors of published checkpoints that nothing needs, and why."""

from __future__ import annotations

import re

_UNUSED = {
    r'pos_embed$': 'the published encoder never adds its position embedding',
    r'(\w+\.)*\w*(spike|lif)\w*\.v$': 'what the last batch left in a neuron',
}


def why_unused(name: str) -> str | None:
    """The reason why a tensor is left out; None if it is needed."""
    for pattern, reason in _UNUSED.items():
        if re.match(pattern, name.removeprefix('module.')):
            return reason
    return None
