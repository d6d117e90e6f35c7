"""The norm of mmcv's bricks in the weights of their convolutions, where the two run as one."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from mmcv.cnn import ConvModule
from torch import Tensor, nn

from mmsfa.layers import SpikeConv
from mmsfa.layers.effective_weight import Multiplies
from mmsfa.layers.fold import folded, norm_follows
from mmsfa.spiking.measure.observer import instance_attribute

# Their own forwards run the norm right behind the convolution; another may do anything.
_RUN_BOTH = (ConvModule.forward, SpikeConv.forward)


@dataclass
class _Turn:
    """How far a brick is: only inside of its own forward the convolution works for the norm."""

    has_begun: bool = False
    is_normalised: bool = False


class FoldedBricks:
    """The bricks of a model whose BN may be folded into their convolutions.

    Convolution and norm stay two wherever somebody calls one of them without the other:
    ``norm=False``, a convolution or a norm that two modules share, a sub-class with a forward of
    its own.

    Args:
        model: A model in evaluation mode.

    Attributes:
        both: The convolution that does the work of two, by the one that it stands for.
    """

    def __init__(self, model: nn.Module) -> None:
        bricks = [m for m in model.modules() if isinstance(m, ConvModule) and norm_follows(m)]
        users = Counter(brick.conv for brick in bricks)
        self.both: dict[nn.Module, Multiplies] = {}
        self._turns: dict[ConvModule, _Turn] = {}
        self._norms: dict[nn.Module, list[_Turn]] = {}
        for brick in bricks:
            if users[brick.conv] == 1 and type(brick).forward in _RUN_BOTH:
                merged = folded(brick.conv, brick.norm)
                if merged is not None:
                    self.both[brick.conv] = merged
                    self._turns[brick] = _Turn()
                    self._norms.setdefault(brick.norm, []).append(self._turns[brick])

    @contextmanager
    def entered(self) -> Iterator[None]:
        """The bricks tell when they run while the context is open."""
        with ExitStack() as stack:
            for brick, turn in self._turns.items():
                stack.enter_context(instance_attribute(brick, 'forward', _told(brick, turn)))
            yield

    def convolution(self, conv: nn.Module, merged: Callable, alone: Callable) -> Callable:
        """A forward of a convolution.

        Args:
            conv: One of `both`.
            merged: What runs where the norm comes next.
            alone: What runs elsewhere.
        """
        turn = next(turn for brick, turn in self._turns.items() if brick.conv is conv)

        def forward(*args: Any, **kwargs: Any) -> Tensor:
            if not turn.has_begun:
                return alone(*args, **kwargs)
            turn.is_normalised = True
            return merged(*args, **kwargs)

        forward.adds_up = True  # type: ignore[attr-defined]  # see is_plain
        return forward

    def norm(self, norm: nn.Module, alone: Callable[[Tensor], Tensor]) -> Callable:
        """A forward of a norm, which leaves what its convolution has normalised.

        Args:
            norm: Any norm of the model.
            alone: What runs elsewhere.
        """
        turns = self._norms.get(norm)
        if not turns:
            return alone

        def forward(input: Tensor) -> Tensor:
            for turn in turns:
                if turn.is_normalised:
                    turn.is_normalised = False
                    return input
            return alone(input)

        return forward


def _told(brick: ConvModule, turn: _Turn) -> Callable:
    whole, signature = brick.forward, inspect.signature(brick.forward)

    def forward(*args: Any, **kwargs: Any) -> Tensor:
        given = signature.bind(*args, **kwargs).arguments
        # A masked norm, as in masked pre-training, has statistics of its own.
        turn.has_begun = given.get('norm', True) and given.get('visible') is None
        try:
            return whole(*args, **kwargs)
        finally:
            turn.has_begun = turn.is_normalised = False

    return forward
