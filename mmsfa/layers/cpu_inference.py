"""When a forward pass may take shortcuts that its result does not show."""

from __future__ import annotations

import torch
from torch import Tensor

from mmsfa.neurons.functional import is_exporting


def is_plain_cpu_inference(x: Tensor) -> bool:
    """Whether ``x`` is on a CPU, nobody wants gradients and nobody records the graph.

    A recorded graph (torch.compile, ONNX, trace) keeps the layers as they are written, so that
    its own tools can fold and lay them out. A GPU reads a map faster than it launches the small
    kernels that fold a weight.
    """
    recorded = torch.compiler.is_compiling() or torch.jit.is_tracing() or is_exporting()
    return x.is_cpu and not (recorded or torch.is_grad_enabled())
