"""Keep what modules put out while a model runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from torch import nn


@contextmanager
def record_outputs(model: nn.Module, names: Iterable[str]) -> Iterator[dict[str, list[Any]]]:
    """Keep the outputs of modules while the context is open.

    They are the model's own tensors with their gradient, not copies: what a later layer changes in
    place is seen as it became.

    Args:
        model: Any model.
        names: Names of modules in it; ``''`` is the model itself.

    Yields:
        For each name the outputs of its calls, in the order of the calls; a head that runs on four
        maps has four. The names come in the order of the first calls, behind those that never ran.

    Raises:
        ValueError: The model has no module of a name.
    """
    outputs: dict[str, list[Any]] = {name: [] for name in names}
    modules = dict(model.named_modules(remove_duplicate=False))
    unknown = [name for name in outputs if name not in modules]
    if unknown:
        raise ValueError(
            f'{type(model).__name__} has no module {unknown[0]!r}. {_neighbours(unknown[0], model)}'
        )
    with ExitStack() as stack:
        for name in outputs:
            hook = modules[name].register_forward_hook(partial(_keep, outputs, name))
            stack.callback(hook.remove)
        yield outputs


def _keep(
    outputs: dict[str, list[Any]], name: str, _module: nn.Module, _args: tuple, output: Any
) -> None:
    if not outputs[name]:
        outputs[name] = outputs.pop(name)  # to the end
    outputs[name].append(output)


def _neighbours(name: str, model: nn.Module) -> str:
    """What stands where a name goes astray."""
    here, path = model, ''
    for part in name.split('.'):
        child = dict(here.named_children()).get(part)
        if child is None:
            break
        here, path = child, f'{path}.{part}'.lstrip('.')
    children = ', '.join(dict(here.named_children())) or 'nothing'
    return f'In {path} there are: {children}.' if path else f'It has: {children}.'
