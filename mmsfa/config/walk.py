"""Every node of a config, and the data set inside its wrappers."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any, TypeVar

Settings = TypeVar('Settings', bound=dict)

# What has been trained already and is no part of the model that a config describes.
TRAINED = ('teacher',)


def walk(value: Any, path: str = '', without: Container[Any] = ()) -> Iterator[tuple[str, Any]]:
    """(key, node) of a part of a config, of all that it holds, and of all that this holds.

    A node comes before what it holds, so that whoever gets it may change it first.

    Args:
        value: Dict, list, tuple or anything else, which holds nothing.
        path: Key of ``value``, which keys below it begin with.
        without: Names in a dict that are left out with all that they hold.

    Example:
        >>> [key for key, node in walk(dict(neck=[dict(D=4)])) if node == 4]
        ['neck.0.D']
    """
    yield path, value
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, (list, tuple)):
        items = list(enumerate(value))
    else:
        return
    for key, inner in items:
        if key not in without:
            yield from walk(inner, f'{path}.{key}' if path else str(key), without)


def with_pipeline(dataset: Settings) -> Settings:
    """The settings that hold the pipeline of a data set: its own, or those inside its wrappers.

    Args:
        dataset: Settings of a data set.
    """
    while 'pipeline' not in dataset and 'dataset' in dataset:
        dataset = dataset['dataset']
    return dataset
