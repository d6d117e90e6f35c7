"""What torchvision can compute here, and in which precision."""

from __future__ import annotations

import pytest
import torch

from mmsfa.ops.torchvision_ops import in_float, torchvision_has, torchvision_loads


@pytest.mark.parametrize(
    ('first', 'wide'),
    [
        (torch.float64, torch.float64),
        (torch.float32, torch.float32),
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
    ],
)
def test_the_first_tensor_decides_the_precision(first: torch.dtype, wide: torch.dtype) -> None:
    others = torch.ones(2, dtype=torch.float64), torch.ones(2, dtype=torch.float16)
    found = in_float(torch.ones(1, dtype=first), *others)
    assert [tensor.dtype for tensor in found] == [wide] * 3
    x = torch.ones(1)
    assert in_float(x)[0] is x, 'no copy where none is needed'


def test_what_it_has_it_computes() -> None:
    x = torch.zeros(1)
    assert not torchvision_has('no_such_operator', x)
    assert torchvision_has('nms', x) == torchvision_loads()
    if torchvision_loads():
        boxes = torch.tensor([[0, 0, 4, 4], [0, 0, 4, 4.0]])
        assert torch.ops.torchvision.nms(boxes, torch.tensor([0.1, 0.2]), 0.5).tolist() == [1]
