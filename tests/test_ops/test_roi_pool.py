"""RoIPool, which mmcv has on a GPU only: maxima of bins, and where they lie."""

from __future__ import annotations

import torch
from mmcv.ops import RoIPool


def test_roi_pool_takes_the_maxima_of_bins():
    x = torch.arange(36.0, dtype=torch.float64).view(1, 1, 6, 6)
    x = torch.cat([x, -x], 1).requires_grad_()
    out = RoIPool(2, spatial_scale=0.5)(x, torch.tensor([[0, 2.0, 2, 9, 9]]).double())
    # pixels 2..10 of the picture are places 1..4 of the map, two for each bin
    assert out[0, 0].tolist() == [[14, 16], [26, 28]]
    assert out[0, 1].tolist() == [[-7, -9], [-19, -21]]
    out.sum().backward()
    assert sorted(x.grad[0, 0].nonzero().tolist()) == [[2, 2], [2, 4], [4, 2], [4, 4]]
    assert torch.autograd.gradcheck(
        lambda x: RoIPool(2, 0.5)(x, torch.tensor([[0, 1.0, 2, 8, 10], [0, 0, 0, 3, 3]]).double()),
        (torch.randn(1, 2, 6, 6, dtype=torch.float64, requires_grad=True),),
    )


def test_roi_pool_of_nothing_is_zero():
    x = torch.ones(1, 1, 4, 4, requires_grad=True)
    outside, inverted = [0, 40.0, 40, 50, 50], [0, 3.0, 3, 1, 1]
    out = RoIPool(2)(x, torch.tensor([outside, inverted]))
    out.sum().backward()
    assert not out.any() and not x.grad.any()
    assert RoIPool(2)(x, torch.zeros(0, 5)).shape == (0, 1, 2, 2)
