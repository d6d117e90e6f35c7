"""RoIAlign: equal to mmcv's, with torchvision bit for bit."""

from __future__ import annotations

import pytest
import torch
from mmcv.ops import RoIAlign
from torch.nn import functional as F

from mmsfa.ops import torchvision_ops

EMPTY = torch.empty(0)


def settings(**changes):
    return {
        **dict(aligned_height=7, aligned_width=5, spatial_scale=0.25),
        **dict(sampling_ratio=0, pool_mode=1, aligned=True),
        **changes,
    }


@pytest.fixture
def regions(draw):
    """Regions of two pictures: ordinary ones, far outside, across the border, without size."""
    found = torch.cat([torch.randint(0, 2, (60, 1)).float(), draw(60)], 1)
    found[0, 1:] = torch.tensor([300.0, 300, 400, 400])
    found[1, 1:] = torch.tensor([-50.0, -50, 20, 20])
    found[2, 1:] = torch.tensor([10.0, 10, 10, 10])
    found[3, 1:] = torch.tensor([0.0, 0, 256, 256])
    return found


def run(functions, x, rois, grad, **kwargs):
    """Output and gradient, as mmcv's autograd function asks for them."""
    out = x.new_zeros(len(rois), x.shape[1], kwargs['aligned_height'], kwargs['aligned_width'])
    to_input = torch.zeros_like(x)
    unused = x.new_zeros(0)
    functions['roi_align_forward'](x, rois, out, unused, unused, **kwargs)
    functions['roi_align_backward'](grad, rois, unused, unused, to_input, **kwargs)
    return out, to_input


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('sampling_ratio', [0, 2])
@pytest.mark.parametrize('aligned', [True, False])
def test_equals_mmcv(oracle, ours, regions, dtype, sampling_ratio, aligned):
    x, grad = torch.randn(2, 8, 64, 60, dtype=dtype), torch.randn(60, 8, 7, 5, dtype=dtype)
    kwargs = settings(sampling_ratio=sampling_ratio, aligned=aligned)
    theirs = run(vars(oracle), x, regions.to(dtype), grad, **kwargs)
    mine = run(ours, x, regions.to(dtype), grad, **kwargs)
    for a, b in zip(theirs, mine, strict=True):
        if torchvision_ops.torchvision_loads():
            assert torch.equal(a, b)
        else:
            torch.testing.assert_close(b, a, rtol=0, atol=2e-5 if dtype == torch.float32 else 1e-13)
    assert theirs[0][3:].any()


def test_the_gradient_is_the_one_of_the_output(ours, regions):
    x = torch.randn(2, 1, 9, 8, dtype=torch.float64, requires_grad=True)
    layer = RoIAlign((3, 2), spatial_scale=1 / 32)
    assert torch.autograd.gradcheck(lambda x: layer(x, regions[:12].double()), (x,))


def test_a_constant_map_gives_its_constant(ours):
    rois = torch.tensor([[0, 3.3, 4.1, 21.7, 18.2]])
    out, _ = run(ours, torch.full((1, 2, 32, 32), 3.5), rois, torch.zeros(1, 2, 7, 5),
                 **settings(spatial_scale=1.0))  # fmt: skip
    torch.testing.assert_close(out, torch.full_like(out, 3.5))


def test_no_regions_and_broken_regions(ours):
    x = torch.randn(1, 3, 8, 8)
    out, grad = run(ours, x, torch.zeros(0, 5), torch.zeros(0, 3, 7, 5), **settings())
    assert out.shape == (0, 3, 7, 5) and not grad.any()
    far = torch.tensor([[0.0, 1e30, 1e30, 1e31, 1e31]])
    out, grad = run(ours, x, far, torch.ones(1, 3, 7, 5), **settings())
    assert not out.any() and not grad.any()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_rounded_float32(ours, dtype):
    x = torch.randn(2, 3, 16, 16).to(dtype).requires_grad_()
    rois = torch.tensor([[0, 4.0, 8, 40, 44], [1, 0, 0, 32, 16]])
    layer = RoIAlign(7, spatial_scale=0.25)
    out = layer(x, rois.to(dtype))
    out.float().sum().backward()
    assert out.dtype == x.grad.dtype == dtype
    wide = x.detach().float().requires_grad_()
    expected = layer(wide, rois)
    expected.sum().backward()
    torch.testing.assert_close(out, expected.to(dtype))
    torch.testing.assert_close(x.grad, wide.grad.to(dtype), rtol=0.01, atol=0.01)


def test_under_autocast(ours):
    x = torch.randn(1, 3, 16, 16)
    with torch.autocast('cpu', torch.bfloat16):
        features = F.conv2d(x, torch.randn(4, 3, 3, 3))
        out = RoIAlign(7, 0.25)(features, torch.tensor([[0, 4.0, 8, 40, 44]]))
    assert features.dtype == out.dtype == torch.bfloat16 and out.any()


def test_the_maximum_is_refused(ours):
    with pytest.raises(NotImplementedError, match="pool_mode='avg'.*OPS=compiled"):
        RoIAlign(7, pool_mode='max')(torch.zeros(1, 1, 8, 8), torch.zeros(1, 5))


@pytest.mark.gpu
def test_a_gpu_computes_the_same():
    x, regions = torch.randn(2, 8, 64, 60), torch.tensor([[0.0, 4, 4, 90, 70], [1, 0, 8, 200, 220]])
    align = RoIAlign((7, 5), spatial_scale=0.25, sampling_ratio=0)
    torch.testing.assert_close(align(x.cuda(), regions.cuda()).cpu(), align(x, regions))
