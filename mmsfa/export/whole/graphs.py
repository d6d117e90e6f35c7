"""Graphs of what runs on regions: the heads of a second stage, and RoIAlign."""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from torch import Tensor, nn

from mmsfa.export.onnx.export import export_regions
from mmsfa.layers.fold import fold

OPSET = 18


class BoxHead(nn.Module):
    """A box head of mmdet with named outputs.

    Args:
        head: The head.
    """

    names = ('scores', 'deltas')

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head

    def forward(self, regions: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, h, w) -> scores (N, classes + 1) and deltas (N, classes * 4)."""
        scores, deltas = self.head(regions)
        return scores, deltas


class MaskHead(BoxHead):
    """A mask head of mmdet with a named output."""

    names = ('masks',)  # type: ignore[assignment]

    def forward(self, regions: Tensor) -> Tensor:  # type: ignore[override]
        """(N, C, h, w) -> logits (N, classes, 2h, 2w)."""
        return self.head(regions)


def export_head(name: str, head: nn.Module, channels: int, size: tuple[int, int]) -> ir.Model:
    """A head of regions as a float graph with any number of regions.

    Args:
        name: ``bbox_head_<stage>`` or ``mask_head_<stage>``.
        head: The head, in evaluation mode; it stays as it is.
        channels: Of the features.
        size: Their height and width.
    """
    part = (BoxHead if name.startswith('bbox') else MaskHead)(head)
    part.training = False
    return export_regions(fold(part), part.names, (2, channels, *size))


def align_graph(attributes: dict[str, Any]) -> ir.Model:
    """RoIAlign alone: ``map`` (1, C, H, W) and ``regions`` (N, 4) -> ``features`` (N, C, h, w).

    Regions are in cells of the map; ``picture`` (N,) are zeros.

    Args:
        attributes: Those of the operator.
    """
    height, width = attributes['output_height'], attributes['output_width']
    inputs = [
        _value('map', [1, 'channels', 'height', 'width']),
        _value('regions', ['number', 4]),
        _value('picture', ['number'], ir.DataType.INT64),
    ]
    node = ir.node('RoiAlign', inputs, dict(attributes, spatial_scale=1.0))
    out = node.outputs[0]
    out.name, out.type = 'features', ir.TensorType(ir.DataType.FLOAT)
    out.shape = ir.Shape(['number', 'channels', height, width])
    graph = ir.Graph(inputs, [out], nodes=[node], opset_imports={'': OPSET}, name='roi_align')
    return ir.Model(graph, ir_version=10)


def _value(name: str, shape: list[Any], kind: ir.DataType = ir.DataType.FLOAT) -> ir.Value:
    return ir.Value(name=name, shape=ir.Shape(shape), type=ir.TensorType(kind))
