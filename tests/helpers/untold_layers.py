"""Layers whose forward is not their parent's, and which do not tell their weight."""

from __future__ import annotations

from torch import Tensor, nn


class Rectified(nn.Linear):
    """Homogeneous, but not linear."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).relu()


class TwiceTheBias(nn.Linear):
    """Linear, but not with its own bias."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + self.bias
