"""Spikes that layers keep for the backward pass take one byte each in place of four.

A convolution keeps its input, and that of a spiking network holds small integers. What a neuron has
fired is known here by where it lies in memory; a layer that saves it, or a part or view of it, gets
the bytes that the neuron keeps for its own gradient anyway. Nothing is rounded: gradients are the
same to the last bit.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import NamedTuple

import torch
from torch import Tensor

from .pieces import divide_, pieces

# The lowest bit of a byte tells where the gradient passes, the others are the count. The byte has a
# sign, unused, because a CPU converts floats to such bytes five times faster than to others.
LARGEST_COUNT = 63

_active: ContextVar[bool] = ContextVar('spikes are kept as bytes', default=False)


class _Fired(NamedTuple):
    """What a neuron has fired.

    Attributes:
        output: The neuron's output; dead if nobody needs it any more.
        version: How often it had been overwritten.
        codes: Its counts, and where the gradient passes.
        norm: Divisor of the counts.
    """

    output: weakref.ReferenceType[Tensor]
    version: int
    codes: Tensor
    norm: float


_fired: dict[int, _Fired] = {}


class _Part(NamedTuple):
    """A tensor that lies in the memory of an output, as the bytes and the place in them."""

    fired: _Fired
    size: torch.Size
    stride: tuple[int, ...]
    offset: int
    dtype: torch.dtype


class _Whole(NamedTuple):
    """Any other tensor, as it is.

    PyTorch does not look whether it is overwritten before backward while hooks decide what is kept.
    """

    tensor: Tensor
    version: int


_OVERWRITTEN = (
    'one of the variables needed for gradient computation has been modified by an inplace '
    'operation: a tensor of shape {}. torch.autograd.set_detect_anomaly(True) tells which '
    'operation has kept it.'
)


def write_codes(codes: Tensor, counts: Tensor | None, passes: Tensor) -> None:
    """Write counts of 0..63 and where their gradient passes, one byte each.

    Args:
        codes: int8, to be overwritten.
        counts: Whole numbers, any dtype; None leaves them out.
        passes: Bool, or ones and zeros of the dtype of the counts; may be overwritten.
    """
    if passes.dtype != torch.bool:
        codes.copy_(passes if counts is None else passes.add_(counts, alpha=2))
    elif counts is None:
        codes.copy_(passes)
    else:
        torch.add(passes.view(torch.int8), codes.copy_(counts), alpha=2, out=codes)


def passes_of(codes: Tensor) -> Tensor:
    """Where the gradient passes: ones and zeros, int8."""
    return codes & 1


def _doubled_counts_of(codes: Tensor) -> Tensor:
    """Counts times two, int8: to mask the lowest bit takes half as long as to shift it out."""
    return codes & -2


def remember(output: Tensor, codes: Tensor, norm: float) -> None:
    """Tell the bytes behind an output, in the layout of the output."""
    place = output.untyped_storage().data_ptr()
    if codes.stride() != output.stride() or output.storage_offset():
        return

    def forget(_: object) -> None:
        if place in _fired and _fired[place].output is reference:
            del _fired[place]

    reference = weakref.ref(output, forget)
    _fired[place] = _Fired(reference, output._version, codes, norm)


def remembered(output: Tensor, D: int, norm: float) -> Tensor:
    """Tell the bytes behind an output that was put together from several; the output itself.

    Args:
        output: Counts / norm.
        D: Largest count; more than 63 do not fit.
        norm: Divisor of the counts.
    """
    wanted = are_stored() and output.requires_grad and D <= LARGEST_COUNT
    if wanted and output.untyped_storage().data_ptr() not in _fired:
        counts = output.detach() if norm == 1 else (output.detach() * norm).round_()
        remember(output, counts.to(torch.int8) << 1, norm)
    return output


def are_stored() -> bool:
    """Whether neurons shall tell the bytes of what they fire."""
    return not torch.compiler.is_compiling() and _active.get()


class spikes_as_bytes:  # noqa: N801  read as a verb: with spikes_as_bytes(): ...
    """Let every layer that runs meanwhile keep the spikes that it reads as bytes.

    It concerns forward passes; the backward pass may run inside or outside. Within another context
    of `torch.autograd.graph.saved_tensors_hooks`, such as gradient checkpointing, that one decides.
    Within itself, and within a compiler, which decides what it keeps, it does nothing.
    """

    def __init__(self) -> None:
        # No generator: a forgotten one would end when it is collected, in the middle of a step.
        self._hooks: torch.autograd.graph.saved_tensors_hooks | None = None

    def __enter__(self) -> None:
        """Begin."""
        if torch.compiler.is_compiling() or _active.get():
            return
        hooks: list[Callable] = [_pack, _unpack]
        if 'torch._dynamo' in sys.modules:  # to import it would take a tenth of each start
            # Within a step that is compiled with its backward pass, it would trace them and compare
            # the versions of its own tensors.
            hooks = [torch.compiler.disable(hook, recursive=False) for hook in hooks]
        self._hooks = torch.autograd.graph.saved_tensors_hooks(*hooks)
        self._hooks.__enter__()
        _active.set(True)

    def __exit__(self, *error: object) -> None:
        """End."""
        if self._hooks is not None:
            _active.set(False)
            self._hooks.__exit__(*error)
            self._hooks = None


def _pack(tensor: Tensor) -> _Part | _Whole:
    # Detached: a layer that keeps its own output would otherwise keep itself.
    whole = _Whole(tensor.detach(), tensor._version)
    dense = tensor.layout is torch.strided and tensor.device.type != 'meta'
    if not (dense and tensor.is_floating_point() and _fired):
        return whole
    fired = _fired.get(tensor.untyped_storage().data_ptr())
    if fired is None:
        return whole
    output = fired.output()
    if output is None or output.dtype != tensor.dtype or output._version != fired.version:
        return whole  # it is gone, or somebody has overwritten it
    return _Part(fired, tensor.size(), tensor.stride(), int(tensor.storage_offset()), tensor.dtype)


def _unpack(kept: _Part | _Whole) -> Tensor:
    if isinstance(kept, _Whole):
        if kept.tensor._version != kept.version:
            raise RuntimeError(_OVERWRITTEN.format(tuple(kept.tensor.shape)))
        return kept.tensor
    whole = torch.empty_like(kept.fired.codes, dtype=kept.dtype)
    for code, out in pieces(kept.fired.codes, whole):
        divide_(out.copy_(_doubled_counts_of(code)), 2 * kept.fired.norm)
    return whole.as_strided(kept.size, kept.stride, kept.offset)
