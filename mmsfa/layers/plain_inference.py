"""When a forward pass may take shortcuts that its result does not show."""

from __future__ import annotations

import torch

from ..neurons.functional import is_exporting


def is_plain_inference() -> bool:
    """Whether nobody wants gradients and nobody records the graph.

    A recorded graph (torch.compile, ONNX, trace) keeps the layers as they are written, so that
    its own tools can fold and lay them out.
    """
    recorded = torch.compiler.is_compiling() or torch.jit.is_tracing() or is_exporting()
    return not (recorded or torch.is_grad_enabled())
