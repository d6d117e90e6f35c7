"""Run exported models with onnxruntime or OpenVINO, as modules of PyTorch."""

from __future__ import annotations

from pathlib import Path

from mmsfa.compat import require_extra

require_extra('export', 'onnx', 'onnxruntime')

import onnx_ir as ir  # noqa: E402
import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from mmsfa.runtime.engines import open_graph  # noqa: E402


class Session(nn.Module):
    """A model in another engine on the CPU, called as a module, with torch's number of threads.

    Args:
        model: A file or a graph.
        engine: 'onnxruntime' or 'openvino'.

    Attributes:
        names: Names of the outputs.

    Shape:
        - Input: (B, C, H, W), float32, on the CPU.
        - Output: tuple of the outputs, in the order of ``names``.
    """

    def __init__(self, model: Path | ir.Model, engine: str = 'onnxruntime') -> None:
        super().__init__()
        source = ir.to_proto(model).SerializeToString() if isinstance(model, ir.Model) else model
        self.graph = open_graph(source, torch.get_num_threads(), engine)
        self.names = self.graph.outputs

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(B, C, H, W) -> all outputs."""
        return tuple(self.by_name(image).values())

    def by_name(self, image: Tensor) -> dict[str, Tensor]:
        """(B, C, H, W) -> output by name."""
        found = self.graph({self.graph.inputs[0]: image.numpy()})
        return {name: torch.from_numpy(out) for name, out in found.items()}
