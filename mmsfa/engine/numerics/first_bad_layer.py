"""Where in a model numbers stop being finite."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import torch
from torch import Tensor, nn


class _Found(Exception):
    """Ends the second pass: what follows a bad layer is bad as well, or breaks on it."""


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Every tensor in nested containers, data samples and box types."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from tensors_in(part)
    elif callable(getattr(value, 'values', None)):  # a dict, or a BaseDataElement
        yield from tensors_in(list(value.values()))
    elif isinstance(getattr(value, 'tensor', None), Tensor):  # boxes of mmdet
        yield value.tensor


def is_finite(value: Any) -> bool:
    """Whether no tensor in something holds NaN or infinity; waits for the device."""
    return not non_finite_of(enumerate(tensors_in(value)))


def non_finite_of(named: Iterable[tuple[Any, Tensor]]) -> list[Any]:
    """Names of the tensors that hold NaN or infinity, with one wait for each device.

    Args:
        named: (name, tensor); integers, and what is no tensor, are always finite.
    """
    by_device: dict[torch.device, list[tuple[Any, Tensor]]] = {}
    for name, tensor in named:
        if isinstance(tensor, Tensor) and (tensor.is_floating_point() or tensor.is_complex()):
            by_device.setdefault(tensor.device, []).append((name, tensor.detach()))
    found = []
    for pairs in by_device.values():
        # NaN and infinity reach the sum, which is much faster than a look at each number.
        sums = torch.stack([torch.isfinite(tensor.sum()) for _, tensor in pairs]).tolist()
        doubtful = [pair for pair, fine in zip(pairs, sums, strict=True) if not fine]
        found += [name for name, tensor in doubtful if not torch.isfinite(tensor).all()]
    return found


def nan_of(named: Iterable[tuple[Any, Tensor]]) -> list[Any]:
    """As `non_finite_of` without infinity, which masks hold on purpose."""
    tensors = dict(named)
    return [name for name in non_finite_of(tensors.items()) if tensors[name].isnan().any()]


def first_bad_layer(model: nn.Module, run: Callable[[], Any]) -> str | None:
    """Run a model once more, without gradients, until a layer's numbers are not finite.

    Layers that talk to other processes while they train use their running statistics instead:
    nobody would answer.

    Args:
        model: What is watched: its modules without children, in the order of execution.
        run: Runs it on the batch in question, in the same precision.

    Returns:
        The name of the layer and what of it is bad; None if the second pass shows nothing.
    """
    found: list[str] = []
    masked: set[str] = set()  # layers that got infinity, which may be a mask on purpose

    def stop(what: str) -> None:
        found.append(what)
        raise _Found

    def watch(name: str, layer: nn.Module) -> None:
        def before(_layer: nn.Module, args: tuple, kwargs: dict) -> None:
            own = non_finite_of(layer.named_parameters()) + nan_of(layer.named_buffers())
            if own:
                stop(f'{name} (its own {own[0]} is not finite)')
            given = list(enumerate(tensors_in([args, kwargs])))
            if nan_of(given):
                stop(f'what is computed right before {name}')
            (masked.add if non_finite_of(given) else masked.discard)(name)

        def after(_layer: nn.Module, _args: tuple, output: Any) -> None:
            if is_finite(output):
                return
            if name in masked:
                stop(f'what is computed right before {name}')
            stop(f'{name} ({type(layer).__name__})')

        stack.callback(layer.register_forward_pre_hook(before, with_kwargs=True).remove)
        stack.callback(layer.register_forward_hook(after).remove)

    with ExitStack() as stack, torch.no_grad():
        for name, layer in model.named_modules():
            if 'SyncBatchNorm' in type(layer).__name__ and layer.training:
                layer.training = False
                stack.callback(setattr, layer, 'training', True)
            if name and not any(layer.children()):
                watch(name, layer)
        with suppress(Exception):  # the one above, or what NaN breaks in a head
            run()
    return found[0] if found else None
