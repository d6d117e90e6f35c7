"""Seeded damage to configs and to checkpoints."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch

NAN, INF = math.nan, math.inf
ABSURD = [0, -1, 1, 2, 7, 10**6, 10**9, 10**18, -(10**9), 0.5, 1e-300, 1e300, NAN, INF, -INF]
Node = tuple[Any, Any]  # a dict or list, and a key or index of it


def nodes(value: Any) -> Iterator[Node]:
    """Every place in nested dicts and lists."""
    if isinstance(value, dict):
        places = list(value)
    else:
        places = range(len(value)) if isinstance(value, list) else ()
    for key in places:
        yield value, key
        yield from nodes(value[key])


def paths(value: Any) -> dict[int, str]:
    """Name of each dict and list in a nested value, by its id."""
    names = {id(value): ''}
    for parent, key in nodes(value):
        names.setdefault(id(parent[key]), f'{names[id(parent)]}{key}.')
    return names


class Tuple(list):
    """A tuple that can be changed."""


WRONG = [
    None, True, False, 0, 1, -1, 3, 0.5, -0.5, 10**9, 10**18, 1e300, NAN, INF, '', 'no such thing',
    [], {}, [0], [-1, 10**9], ['a'], {'a': 1}, {'type': 'NoSuchClass'}, {'type': None},
    Tuple([1, 2, 3, 4]), 'mmsfa', {'type': 'SFA', 'D': 0},
]  # fmt: skip


def thaw(value: Any) -> Any:
    """A plain copy whose tuples are `Tuple`."""
    if isinstance(value, dict):
        return {key: thaw(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return (Tuple if isinstance(value, tuple) else list)(map(thaw, value))
    return value


def freeze(value: Any) -> Any:
    """Undo `thaw`."""
    if isinstance(value, dict):
        return {key: freeze(one) for key, one in value.items()}
    if isinstance(value, list):
        return (tuple if isinstance(value, Tuple) else list)(map(freeze, value))
    return value


def _misspelt(name: str, draw: random.Random) -> str:
    i = draw.randrange(max(1, len(name)))
    return name[:i] + draw.choice(['', 'x', name[i : i + 1] * 2]) + name[i + 1 :]


def _somewhere(root: Any, draw: random.Random) -> Node:
    """A place in a nested value: each level decides, else long lists would get all damage."""
    parent = root
    while True:
        key = draw.choice(list(parent) if isinstance(parent, dict) else range(len(parent)))
        inside = parent[key]
        if not isinstance(inside, (dict, list)) or not inside or draw.random() < 0.25:
            return parent, key
        parent = inside


def mutate(root: dict | list, draw: random.Random) -> str:
    """Change one place of a nested value.

    Args:
        root: What `thaw` gave, not empty; it is changed.
        draw: Decides.

    Returns:
        What was done.
    """
    parent, key = _somewhere(root, draw)
    name = f'{paths(root)[id(parent)]}{key}'
    value = parent[key]
    actions = ['wrong'] * 3 + ['delete', 'unknown', 'swap']
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        actions += ['absurd'] * 4
    if isinstance(value, str) or isinstance(key, str):
        actions += ['misspell'] * 2
    if isinstance(value, torch.Tensor):
        actions += ['tensor'] * 6
    if isinstance(value, list):
        actions += ['list'] * 3
    action = draw.choice(actions)
    if action == 'delete':
        del parent[key]
        return f'{name}: deleted'
    if action == 'unknown' and isinstance(parent, dict):
        new = draw.choice(['foo', 'Type', 'typ', 'channel', 'num_class', 'in_channel', 'lr_'])
        parent[new] = deepcopy(draw.choice(WRONG))  # else a later damage changes the list
        return f'{name}: {new}={parent[new]!r} beside it'
    if action == 'misspell':
        if isinstance(value, str) and (draw.random() < 0.5 or not isinstance(key, str)):
            parent[key] = _misspelt(value, draw)
            return f'{name}: {value!r} -> {parent[key]!r}'
        new = _misspelt(key, draw) or 'x'
        new = new if new.isidentifier() else f'x{new}'.replace(' ', '_')
        parent[new] = parent.pop(key)
        return f'{name}: key -> {new!r}'
    if action == 'swap':
        other, at = _somewhere(root, draw)
        circle = {id(other), id(other[at])} & _inside(value) or id(other[at]) in _around(
            root, parent
        )
        if not circle:
            parent[key], other[at] = other[at], value
            return f'{name}: swapped with {paths(root).get(id(other), "?")}{at}'
    if action == 'list':
        parent[key] = draw.choice([value * 2, value[:-1], value[::-1], [value], value[:1]])
        return f'{name}: {value!r:.80} -> {parent[key]!r:.80}'
    if action == 'tensor':
        changed = [value[..., None], value.flatten()[:-1], value.double(), value.bool()]
        changed += [torch.zeros(0), value * NAN, value.to(torch.complex64), torch.tensor(3)]
        parent[key] = draw.choice(changed)
        return f'{name}: tensor {list(value.shape)} -> {parent[key].dtype} {parent[key].shape}'
    parent[key] = deepcopy(draw.choice(ABSURD if action == 'absurd' else WRONG))
    return f'{name}: {value!r:.80} -> {parent[key]!r}'


def _inside(value: Any) -> set[int]:
    """Ids of a value and of every dict and list in it."""
    return {id(value)} | {id(parent) for parent, _ in nodes(value)}


def _around(root: Any, value: Any) -> set[int]:
    """Ids of a dict or list and of every one that it lies in."""
    ids = set()
    while value is not None:
        ids.add(id(value))
        value = next((parent for parent, key in nodes(root) if parent[key] is value), None)
    return ids


def damage_bytes(path: Path, draw: random.Random) -> str:
    """Truncate, flip, zero or replace parts of a file."""
    data = bytearray(path.read_bytes())
    action = draw.choice(['truncate', 'truncate', 'flip', 'flip', 'zero', 'insert', 'replace'])
    place = draw.choice([draw.randrange(len(data)), draw.randrange(min(4096, len(data)))])
    if action == 'truncate':
        place = draw.choice([0, 1, place, len(data) - 1])
        del data[place:]
    elif action == 'flip':
        for _ in range(draw.choice([1, 1, 8, 1000])):
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    elif action == 'zero':
        size = draw.choice([16, 4096, len(data)])
        data[place : place + size] = bytes(len(data[place : place + size]))
    elif action == 'insert':
        data[place:place] = draw.randbytes(draw.choice([1, 100]))
    else:
        data = bytearray(draw.choice([b'{}', b'<html>', b'\x80\x02N.', draw.randbytes(5000)]))
    path.write_bytes(data)
    return f'bytes: {action} at {place} of {len(data)}'


def damage_content(path: Path, draw: random.Random) -> str:
    """Load a checkpoint, change one to three places, and write it again."""
    content = thaw(torch.load(path, weights_only=False))
    if draw.random() < 0.05:
        whole = deepcopy(draw.choice(WRONG))
        torch.save(whole, path)
        return f'whole file: {whole!r}'
    done = []
    for _ in range(draw.choice([1, 1, 3])):
        part = draw.choice(list(content))  # else nearly all places were optimizer states
        if draw.random() < 0.2 or not isinstance(content[part], (dict, list)) or not content[part]:
            inside = {part: content.pop(part)}
            done.append(mutate(inside, draw))
            content.update(inside)
        else:
            done.append(f'{part}.{mutate(content[part], draw)}')
    torch.save(freeze(content), path)
    return '; '.join(done)
