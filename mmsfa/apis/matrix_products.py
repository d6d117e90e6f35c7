"""The matrix products that a model consists of, alone: what its forward pass is measured by."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from mmsfa.errors import OptionError


class Product(NamedTuple):
    """One product (rows x inner) (inner x columns), or ``batch`` of them at once."""

    batch: int
    rows: int
    inner: int
    columns: int
    dtype: torch.dtype = torch.float32

    @property
    def operations(self) -> int:
        """Multiplications and additions."""
        return 2 * self.batch * self.rows * self.inner * self.columns


def _of_convolution(out: Tensor, args: tuple) -> Product | None:
    x, weight, transposed, groups = args[0], args[1], args[6], args[8]
    if groups > 1 and weight.shape[0 if transposed else 1] == (groups if transposed else 1):
        return None  # depthwise
    if transposed:
        places = x.numel() // x.shape[1]
        return Product(groups, weight[0].numel(), x.shape[1] // groups, places, out.dtype)
    places = out.numel() // out.shape[1]
    return Product(groups, out.shape[1] // groups, weight[0].numel(), places, out.dtype)


def _of_mm(out: Tensor, args: tuple) -> Product:
    return Product(1, out.shape[0], args[-2].shape[1], out.shape[1], out.dtype)


def _of_bmm(out: Tensor, args: tuple) -> Product:
    return Product(out.shape[0], out.shape[1], args[-2].shape[2], out.shape[2], out.dtype)


_AS_PRODUCT = {
    torch.ops.aten.convolution.default: _of_convolution,
    torch.ops.aten.mm.default: _of_mm,
    torch.ops.aten.addmm.default: _of_mm,
    torch.ops.aten.bmm.default: _of_bmm,
    torch.ops.aten.baddbmm.default: _of_bmm,
}


class _Recorder(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[Product] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        product = _AS_PRODUCT[func](out, args) if func in _AS_PRODUCT else None
        if product:
            self.found[product] += 1
        return out


class MatrixProducts(nn.Module):
    """The products of a forward pass on random matrices, and no other work.

    A convolution counts as weights (C_out, C_in * k * k) times patches (C_in * k * k, H * W), as if
    the patches lay ready. Depthwise convolutions are left out: nobody computes them as products.
    PyTorch's own fused attention (``scaled_dot_product_attention``) is not seen.

    Args:
        model: Runs once, as for inference.
        image: (B, C, H, W), as the model takes it.

    Raises:
        OptionError: The model has none, such as an ONNX graph.
    """

    def __init__(self, model: nn.Module, image: Tensor) -> None:
        super().__init__()
        with torch.no_grad(), _Recorder() as recorder:
            model.eval()(image)
        self.work = dict(recorder.found)
        if not self.work:
            raise OptionError('The model computes no convolution or matrix product in PyTorch.')
        self.operands = {
            work: (
                torch.randn(work.batch, work.rows, work.inner).to(image.device, work.dtype),
                torch.randn(work.batch, work.inner, work.columns).to(image.device, work.dtype),
            )
            for work in self.work
        }

    @property
    def operations(self) -> int:
        """Multiplications and additions of one pass."""
        return sum(times * work.operations for work, times in self.work.items())

    def forward(self, image: Tensor) -> None:
        """Multiply.

        Args:
            image: Not looked at.
        """
        for work, times in self.work.items():
            left, right = self.operands[work]
            for _ in range(times):
                torch.bmm(left, right) if work.batch > 1 else torch.mm(left[0], right[0])
