"""Judge what a checkpoint holds once it is read, before mmengine acts on it.

Plain data can do harm as well: mmengine runs the text under ``meta['config']`` as Python, deletes
the file that ``best_ckpt`` names, and a tensor of a kilobyte can claim a petabyte.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from mmengine.logging import HistoryBuffer, print_log

from .checkpoint_errors import broken, printable, unsafe

MAX_DEPTH = 100
SHARED = 16  # how often the tensors of a file may share their bytes, on average
SMALL = 2**24  # bytes that nobody misses
_GPU_IDS = re.compile(
    r'^gpu_ids *= *(?:range\((?:0, *)?(\d{1,4})\)|\[([\d,\s]{0,9999})\])', re.MULTILINE
)


def disarm(content: Any, path: str | Path) -> Any:
    """Refuse what is no plain checkpoint and take the sting out of the rest.

    Args:
        content: What was read; changed in place.
        path: Where it was read from: a file, or a URL.

    Returns:
        ``content``, where the config text under ``meta`` is cut down to ``gpu_ids`` (all that
        mmengine reads of it), and the message hub names no file but the best checkpoint beside
        this one.

    Raises:
        UnsafeCheckpointError: Its tensors claim far more memory than the file has.
        BrokenCheckpointError: Its parts have types with which nobody can work.
    """
    _check_tensors(content, path)
    if not isinstance(content, dict):
        return content
    _check_parts(content, path)
    meta = content.get('meta')
    if isinstance(meta, dict) and 'config' in meta:
        meta['config'] = _gpu_ids(meta['config'])
    if isinstance(content.get('message_hub'), dict):
        hub = content['message_hub']
        info = hub.get('runtime_info', {})
        before = set(info)
        _disarm_hub(info, Path(path))
        for key in before - set(info):
            hub.get('resumed_keys', {}).pop(key, None)  # mmengine warns of each one it misses
    return content


def _check_tensors(content: Any, path: str | Path) -> None:
    total = 0
    for value, depth in _walk(content):
        if depth > MAX_DEPTH:
            raise unsafe(path, f'its data are nested more than {MAX_DEPTH} levels deep')
        if not isinstance(value, torch.Tensor):
            continue
        if value.layout is not torch.strided or value.is_quantized or value.is_meta:
            raise unsafe(path, 'it holds a tensor that is not dense, as all weights of ours are')
        total += value.numel() * value.element_size()
    file = Path(path)
    size = file.stat().st_size if file.is_file() else None
    if size is not None and total > SHARED * size + SMALL:
        raise unsafe(
            path, f'its tensors claim {total:,} bytes of memory, but the file has {size:,}'
        )


def _walk(content: Any) -> Iterator[tuple[Any, int]]:
    """Everything inside, each object once, without recursion."""
    seen, waiting = set(), [(content, 0)]
    inside: Iterable[Any]
    while waiting:
        value, depth = waiting.pop()
        if id(value) in seen:
            continue
        yield value, depth
        if isinstance(value, dict):
            inside = [*value.keys(), *value.values()]
        elif isinstance(value, (list, tuple, set)):
            inside = value
        elif isinstance(value, HistoryBuffer):
            inside = vars(value).values()
        elif isinstance(value, torch.Tensor):
            inside = ()
        else:
            continue  # a number or a text
        seen.add(id(value))
        waiting += [(part, depth + 1) for part in inside if not isinstance(part, (str, int, float))]


def _check_parts(content: dict, path: str | Path) -> None:
    """The types that mmengine takes for granted."""
    for key in ('state_dict', 'meta', 'message_hub', 'optimizer'):
        part = content.get(key)
        if part is not None and not isinstance(part, dict):
            raise broken(TypeError(f'{key} must be a dict, got {type(part).__name__}'), path)
    hub = content.get('message_hub') or {}
    for key in ('runtime_info', 'resumed_keys', 'log_scalars'):
        if not isinstance(hub.get(key, {}), dict):
            kind = type(hub[key]).__name__
            raise broken(TypeError(f'message_hub.{key} must be a dict, got {kind}'), path)
    odd = [key for key in content.get('state_dict') or () if not isinstance(key, str)]
    if odd:
        raise broken(TypeError(f'names of weights must be text, got {odd[0]!r}'), path)


def _gpu_ids(text: Any) -> str:
    """The one setting that resuming reads of an old config text, as text that only assigns it."""
    found = _GPU_IDS.search(text) if isinstance(text, str) else None
    if found is None:
        return ''
    count = int(found[1]) if found[1] else len(re.findall('[0-9]+', found[2]))
    return f'gpu_ids = {list(range(count))}'


def _disarm_hub(info: dict, path: Path) -> None:
    # Resuming would put it into every checkpoint of this run, which its user then trusts.
    info.pop('cfg', None)
    info.pop('last_ckpt', None)
    ids = info.get('keep_ckpt_ids')
    if ids is not None and not (isinstance(ids, list) and all(type(i) is int for i in ids)):
        del info['keep_ckpt_ids']  # they become names of files that are deleted
    for key in [key for key in info if str(key).startswith('best_ckpt')]:
        stored = str(info[key])
        beside = path.parent / Path(stored).name
        if beside.name.startswith('best_') and beside.is_file() and not beside.is_symlink():
            if not (Path(stored).is_file() and beside.samefile(stored)):
                info[key] = str(beside)  # the run was moved
            continue
        del info[key]
        print_log(
            f'{path} names {printable(stored)!r} as its best checkpoint, which is no best_* file '
            'beside it: that file is left alone, and the next best one is saved next to it.',
            logger='current',
            level=logging.WARNING,
        )
