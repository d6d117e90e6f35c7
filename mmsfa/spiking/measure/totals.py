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
        # Plain numbers stay plain: adding them costs no work on the device.
        self._sums: dict[str, list[Tensor | float]] = {}

    def add(self, name: str, *values: Tensor | float) -> None:
        """Add one value to each number of a name; no wait for the device."""
        known = self._sums.get(name, [0.0] * self.width)
        self._sums[name] = [old + new for old, new in zip(known, values, strict=True)]

    def over_all_ranks(self) -> dict[str, tuple[float, ...]]:
        """The sums of each name over all processes, in the order of the names."""
        if not self.names:
            return {}
        rows = [self._sums.get(name, [0.0] * self.width) for name in self.names]
        values = [value for row in rows for value in row]
        device = next((v.device for v in values if isinstance(v, Tensor)), torch.device('cpu'))
        table = torch.stack(
            [torch.as_tensor(v, dtype=torch.float64, device=device) for v in values]
        )
        all_reduce(table)
        sums = table.view(-1, self.width).tolist()
        return dict(zip(self.names, map(tuple, sums), strict=True))
