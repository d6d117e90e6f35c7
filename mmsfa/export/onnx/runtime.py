"""Run exported models with onnxruntime."""

from __future__ import annotations

from pathlib import Path

from mmsfa.compat import require_extra

require_extra('export', 'onnx', 'onnxruntime')

import onnx_ir as ir  # noqa: E402
import onnxruntime  # noqa: E402
import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402


class Session(nn.Module):
    """A model in onnxruntime on the CPU, called as a module.

    Args:
        model: A file or a graph.

    Attributes:
        names: Names of the outputs.

    Shape:
        - Input: (B, C, H, W), float32, on the CPU.
        - Output: tuple of the outputs, in the order of ``names``.
    """

    def __init__(self, model: Path | ir.Model) -> None:
        super().__init__()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3  # errors
        source = ir.to_proto(model).SerializeToString() if isinstance(model, ir.Model) else model
        self.session = onnxruntime.InferenceSession(
            source, options, providers=['CPUExecutionProvider']
        )
        self.input = self.session.get_inputs()[0].name
        self.names = tuple(output.name for output in self.session.get_outputs())

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(B, C, H, W) -> all outputs."""
        outputs = self.session.run(None, {self.input: image.numpy()})
        return tuple(map(torch.from_numpy, outputs))

    def by_name(self, image: Tensor) -> dict[str, Tensor]:
        """(B, C, H, W) -> output by name."""
        return dict(zip(self.names, self(image), strict=True))
