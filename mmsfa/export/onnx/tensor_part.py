"""The part of a model that is tensors from end to end, and how a session takes its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn

from mmsfa.errors import OptionError
from mmsfa.layers.fold import fold
from mmsfa.model_parts import DENSE_HEADS, REGION_STAGE, DensePart
from mmsfa.spiking.measure.observer import instance_attribute

from .pooling import free_poolings


class TensorPart(DensePart):
    """The dense part of a model that ends in one head: image in, flat tuple of maps out.

    A classifier gives its scores, a segmentor its logits, a one-stage detector the maps of its
    head, a two-stage detector the maps of its neck and then those of its RPN. What follows in
    PyTorch (boxes, NMS, heads of single regions, resizing) is no part of it.

    Args:
        model: A classifier, segmentor or detector.

    Attributes:
        names: Names of the outputs; known after the first forward pass.

    Raises:
        OptionError: The model has no dense head, or several in a row.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self.head_names = [head_of(model)]
        self.names: tuple[str, ...] = ()

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(B, 3, H, W) -> all maps."""
        maps, (outputs,) = super().forward(image)
        named = dict(_named('map', maps)) if _has_second_stage(self.model) else {}
        named |= dict(_named('scores' if isinstance(outputs, Tensor) else 'head', outputs))
        self.names = tuple(named)
        return tuple(named.values())


def tensor_part(model: nn.Module) -> TensorPart:
    """The tensor part of a copy of a model, folded and with poolings of any size."""
    part = TensorPart(model)
    part.training = False  # the model's own flags are its owner's
    part = fold(part)
    free_poolings(part)
    return part


def head_of(model: nn.Module) -> str:
    """The model's own name for its dense head."""
    name = next((name for name in DENSE_HEADS if getattr(model, name, None) is not None), None)
    if name is None or not hasattr(model, 'extract_feat'):
        raise OptionError(
            f'Only models with extract_feat and one of {", ".join(DENSE_HEADS)} can be exported, '
            f'got {type(model).__name__}.'
        )
    if isinstance(getattr(model, name), nn.ModuleList):
        raise OptionError(
            f'Only models with one {name} can be exported, got a cascade of '
            f'{len(getattr(model, name))} in {type(model).__name__}.'
        )
    return name


def _has_second_stage(model: nn.Module) -> bool:
    return getattr(model, REGION_STAGE, None) is not None


def _named(name: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    """(name, tensor) of each tensor in nested tuples and lists; names hold their places."""
    if isinstance(value, Tensor):
        yield name, value
    else:
        for i, part in enumerate(value):
            yield from _named(f'{name}_{i}', part)


def _nested(outputs: dict[str, Tensor], name: str) -> Any:
    """The inverse of `_named`."""
    if name in outputs:
        return outputs[name]
    parts: list[Any] = []
    while any(f'{key}_'.startswith(f'{name}_{len(parts)}_') for key in outputs):
        parts.append(_nested(outputs, f'{name}_{len(parts)}'))
    return tuple(parts)


@contextmanager
def replaced(model: nn.Module, run: Callable[[Tensor], dict[str, Tensor]]) -> Iterator[nn.Module]:
    """Let something else compute the tensor part of a model while the context is open.

    Args:
        model: The whole model; its preprocessing and what follows the dense head stay.
        run: Image -> output by name, as `TensorPart` names them.

    Yields:
        The model.
    """
    latest: dict[str, Tensor] = {}

    def extract_feat(image: Tensor, *_args: Any, **_kwargs: Any) -> Any:
        latest.clear()
        latest.update(run(image))
        maps = _nested(latest, 'map')
        return image if isinstance(maps, tuple) and not maps else maps

    def head(*_args: Any, **_kwargs: Any) -> Any:
        return latest['scores'] if 'scores' in latest else _nested(latest, 'head')

    with ExitStack() as stack:
        stack.enter_context(instance_attribute(model, 'extract_feat', extract_feat))
        stack.enter_context(instance_attribute(getattr(model, head_of(model)), 'forward', head))
        yield model
