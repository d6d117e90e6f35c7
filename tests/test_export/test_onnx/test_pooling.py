"""Pooling by matrices is adaptive pooling."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mmsfa.export.onnx.pooling import MatrixPool, free_poolings


@pytest.mark.parametrize('output_size', [2, 3, (3, 6), (None, 4), (5, None)])
@pytest.mark.parametrize('size', [(6, 6), (7, 13), (2, 3)])
def test_it_pools_as_torch_does(output_size: int | tuple, size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    expected = nn.AdaptiveAvgPool2d(output_size)(x)
    torch.testing.assert_close(MatrixPool(output_size)(x), expected, rtol=1e-12, atol=1e-12)


def test_only_poolings_with_windows_are_replaced() -> None:
    model = nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.ModuleList([nn.AdaptiveAvgPool2d(2), nn.AdaptiveMaxPool2d(2)]),
    )
    free_poolings(model)
    assert [type(m) for m in model[:2]] == [nn.AdaptiveAvgPool2d] * 2
    assert [type(m) for m in model[2]] == [MatrixPool, nn.AdaptiveMaxPool2d]


class Pools(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.adaptive_avg_pool2d(x, 3) + F.adaptive_avg_pool2d(x, 1)


@pytest.mark.slow
def test_a_functional_pooling_is_free_too() -> None:
    pytest.importorskip('onnxruntime')
    from mmsfa.export.onnx.export import export_module
    from mmsfa.export.onnx.runtime import Session

    session = Session(export_module(Pools().eval(), (2, 3, 32, 40)))
    x = torch.randn(1, 3, 47, 64)
    torch.testing.assert_close(session(x)[0], Pools()(x))
