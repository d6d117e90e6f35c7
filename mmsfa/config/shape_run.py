"""What a neck or head makes of maps: it is run with shapes alone, and nothing is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from mmengine.registry import Registry
from torch import Tensor, nn

SIDE = 1024  # pixels of the picture: every stride of a pyramid divides it


@dataclass
class ShapeRun:
    """What came of it.

    Attributes:
        maps: The maps that were returned; none of a head that returns something else.
        ran: Whether it could be run.
    """

    maps: list[Tensor] = field(default_factory=list)
    ran: bool = False

    @property
    def strides(self) -> list[float]:
        """Strides of the maps, up to the first that does not divide the picture."""
        found: list[float] = []
        for one in self.maps:
            if one.dim() != 4 or one.shape[-1] == 0 or SIDE % one.shape[-1]:
                break
            found.append(SIDE // one.shape[-1])
        return found


def maps_of(channels: Sequence[int], strides: Sequence[float]) -> list[Tensor]:
    """Maps without values: (1, C_i, 1024 / s_i, 1024 / s_i)."""
    return [
        torch.empty(1, c, int(SIDE // s), int(SIDE // s), device='meta')
        for c, s in zip(channels, strides, strict=True)
    ]


def run_shapes(parts: Sequence[dict], maps: Sequence[Tensor], registry: Registry) -> ShapeRun:
    """Build parts and run them one behind the other.

    Args:
        parts: Their configs, such as a chain of necks.
        maps: What the first one gets.
        registry: Where their types are looked up.
    """
    found: Any = tuple(maps)
    try:
        with torch.device('meta'), torch.no_grad():
            for part in parts:
                module: nn.Module = registry.build({k: part[k] for k in part if k != 'init_cfg'})
                found = module.eval()(found)
    # Whatever it is: one needs more than maps, another an operator that knows no shapes.
    except Exception:
        return ShapeRun()
    found = [found] if isinstance(found, Tensor) else found
    if isinstance(found, (list, tuple)) and all(isinstance(one, Tensor) for one in found):
        return ShapeRun(list(found), ran=True)
    return ShapeRun(ran=True)
