"""Named sums that grow batch by batch and over all processes."""

from __future__ import annotations

import torch
from mmengine.dist import all_reduce
from torch import Tensor


class Totals:
    """For each name a few numbers, added up on the device where they arise.

    Args:
        names: All names; those that nothing is added to stay 0.
        width: Numbers for each name.
    """

    def __init__(self, names: list[str], width: int) -> None:
        self.names = names
        self.width = width
        self._sums: dict[str, Tensor] = {}

    def add(self, name: str, *values: Tensor | float) -> None:
        """Add one value to each number of a name; no wait for the device."""
        device = next((v.device for v in values if isinstance(v, Tensor)), torch.device('cpu'))
        row = torch.stack([torch.as_tensor(v, dtype=torch.float64, device=device) for v in values])
        known = self._sums.get(name)
        self._sums[name] = row if known is None else known.to(device) + row

    def over_all_ranks(self) -> dict[str, tuple[float, ...]]:
        """The sums of each name over all processes, in the order of the names."""
        if not self.names:
            return {}
        device = next((row.device for row in self._sums.values()), torch.device('cpu'))
        empty = torch.zeros(self.width, dtype=torch.float64, device=device)
        table = torch.stack([self._sums.get(name, empty).to(device) for name in self.names])
        all_reduce(table)
        return dict(zip(self.names, map(tuple, table.tolist()), strict=True))
