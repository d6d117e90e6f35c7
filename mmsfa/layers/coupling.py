"""How the branches of a block meet what they have read, and the blocks of a stage in a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

Branch = Callable[[Tensor], Tensor]


class Residual:
    """The ordinary coupling: each branch adds to what it has read, ``x + branch(x)``.

    Another coupling may carry several streams from block to block: :meth:`begin` makes its state
    from a map, :meth:`join` applies one branch to it, :meth:`end` makes a map of it again.
    """

    def begin(self, x: Tensor) -> Any:
        """Map -> state."""
        return x

    def join(self, state: Any, branch: Branch) -> Any:
        """State -> state, by way of one branch."""
        return state + branch(state)

    def end(self, state: Any) -> Tensor:
        """State -> map."""
        return state


class Stage(nn.Sequential):
    """Blocks of one coupling in a row, with the names in the state dict of an ``nn.Sequential``.

    Args:
        *blocks: Each takes and gives the state of the coupling.
        coupling: The one that all blocks have.

    Shape:
        - Input and output: (T*B, C, H, W), membrane potential.
    """

    def __init__(self, *blocks: nn.Module, coupling: Residual | None = None) -> None:
        super().__init__(*blocks)
        self.coupling = coupling or Residual()

    def forward(self, x: Tensor, visible: Tensor | None = None) -> Tensor:
        """Run all blocks.

        Args:
            x: Shape (T*B, C, H, W).
            visible: Which tokens are seen in masked pre-training, shape (T*B, 1, h, w), bool; None
                for stages that see everything.
        """
        seen = () if visible is None else (visible,)
        state = self.coupling.begin(x)
        for block in self:
            state = block(state, *seen)
        return self.coupling.end(state)
