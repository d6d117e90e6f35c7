"""Graphs of what runs on regions compute what PyTorch computes, for any number of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from mmcv.ops import roi_align
from torch import Tensor, nn

from mmsfa.export.onnx.export import save
from mmsfa.export.whole.graphs import align_graph, export_head
from mmsfa.runtime.engines import ENGINES, open_graph


@pytest.mark.parametrize('engine', ENGINES)
@pytest.mark.parametrize('aligned', [True, False])
def test_regions_as_mmcv_cuts_them(tmp_path, aligned: bool, engine: str) -> None:
    pytest.importorskip(engine)
    attributes = dict(
        output_height=3, output_width=5, sampling_ratio=0, mode='avg',
        coordinate_transformation_mode='half_pixel' if aligned else 'output_half_pixel',
    )  # fmt: skip
    save(align_graph(attributes), tmp_path / 'a.onnx')
    torch.manual_seed(0)
    maps = torch.randn(1, 6, 20, 30)
    corners = torch.rand(40, 2) * 20 - 3
    regions = torch.cat([corners, corners + torch.rand(40, 2) * 15], 1)
    want = roi_align(
        maps, torch.cat([torch.zeros(40, 1), regions], 1), (3, 5), 1.0, 0, 'avg', aligned
    )
    inputs = dict(map=maps.numpy(), regions=regions.numpy(), picture=np.zeros(40, np.int64))
    got = open_graph(tmp_path / 'a.onnx', 1, engine)(inputs)['features']
    np.testing.assert_allclose(got, want.numpy(), atol=2e-5)


class BoxHead(nn.Module):
    """Like a box head: a norm, which is folded, and two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), nn.ReLU())
        self.fc = nn.Linear(6 * 9, 7)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.conv(x).flatten(1)
        return self.fc(x), x


def test_heads_of_any_number_of_regions(tmp_path, lively_weights: Callable) -> None:
    head = lively_weights(BoxHead()).eval()
    graph = export_head('bbox_head_0', head, 4, (5, 5))
    assert [str(n) for n in graph.graph.inputs[0].shape] == ['batch', '4', '5', '5']
    save(graph, tmp_path / 'a.onnx')
    graph = open_graph(tmp_path / 'a.onnx', 1)
    for number in (1, 5):
        regions = torch.randn(number, 4, 5, 5)
        with torch.no_grad():
            want = head(regions)
        got = graph(dict(regions=regions.numpy()))
        for ours, theirs in zip((got['scores'], got['deltas']), want, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)
