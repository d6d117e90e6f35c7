"""How the branches of a block meet what they have read, and the blocks of a stage in a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
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


class Reversible(Residual):
    r"""The reversible coupling: a branch reads one stream and is added to the mean of both.

    .. math:: (a, b) \mapsto (b, \mathrm{branch}(b) + (a + b) / 2)

    Both streams begin with the same map. What a branch has added can be taken away again
    (:meth:`part`), each time with twice the error of rounding and with spikes that may flip for
    it: exact in float64, not in float32 (8 blocks are tens off there). No activation is recomputed
    from it. Source: BESTformer, https://arxiv.org/abs/2501.05904.

    Args:
        out: What leaves the last block. ``'mean'`` is that of both streams (our own: necks and
            heads of dense tasks take one map, and the mean of both scores is that of a linear head
            on it); ``'both'`` has the channels of both, 2C, the older stream first.

    Raises:
        ValueError: ``out`` is neither.
    """

    def __init__(self, out: Literal['mean', 'both'] = 'mean') -> None:
        if out not in ('mean', 'both'):
            raise ValueError(f"out (of two streams) must be 'mean' or 'both', got {out!r}.")
        self.out = out

    def begin(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map -> two streams."""
        return x, x

    def join(self, state: tuple[Tensor, Tensor], branch: Branch) -> tuple[Tensor, Tensor]:
        """The newer stream becomes the older one; what replaces it has the branch in it."""
        older, newer = state
        return newer, branch(newer) + (older + newer) / 2

    def part(self, state: tuple[Tensor, Tensor], branch: Branch) -> tuple[Tensor, Tensor]:
        """The state before :meth:`join`; see above for its precision."""
        older, newer = state
        return 2 * (newer - branch(older)) - older, older

    def end(self, state: tuple[Tensor, Tensor]) -> Tensor:
        """Two streams -> map."""
        older, newer = state
        return (older + newer) / 2 if self.out == 'mean' else torch.cat([older, newer], 1)


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
