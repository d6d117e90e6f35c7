"""Load checkpoints without ever running code that is stored in them.

The stack's own loader tries ``weights_only=True`` and then falls back to plain pickle, which runs
whatever the file says. `patches` puts this one in its place. A file is looked at from
outside (`archive_check`), read with an allow-list (`allowed_globals`), and judged by what it holds
(`checkpoint_contents`).
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import torch
from mmengine.logging import print_log

from .allowed_globals import globals_allowed
from .archive_check import check_file
from .checkpoint_contents import disarm
from .checkpoint_errors import (
    BrokenCheckpointError,
    MissingCheckpointError,
    UnsafeCheckpointError,
    broken,
    explain,
    start_of,
)

__all__ = [
    'BrokenCheckpointError',
    'MissingCheckpointError',
    'UnsafeCheckpointError',
    'explain',
    'is_trusted',
    'safe_load',
    'trust_checkpoints',
]

_trusted = False


def trust_checkpoints(trusted: bool = True) -> None:
    """Allow, or forbid again, checkpoints that can run any code while they load.

    The tools call this for ``--trust-checkpoint`` only.
    """
    global _trusted
    _trusted = trusted


def is_trusted() -> bool:
    """Whether `trust_checkpoints` was called."""
    return _trusted


def safe_load(path: str | os.PathLike, map_location: Any = 'cpu') -> dict[str, Any]:
    """Load one local checkpoint file.

    Args:
        path: A ``.safetensors`` file, or anything that `torch.save` wrote.
        map_location: As in `torch.load`.

    Returns:
        What the file holds; of a ``.safetensors`` file ``dict(state_dict=..., meta=...)``, where
        ``meta`` has the ``dataset_meta`` that `tools/model_converters/publish_model.py` wrote.

    Raises:
        MissingCheckpointError: There is no such file.
        UnsafeCheckpointError: The file could run code, or asks for absurd amounts of memory.
        BrokenCheckpointError: The file is cut off, or no checkpoint at all.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise MissingCheckpointError(f'The checkpoint {path} does not exist or is not a file.')
    if path.suffix == '.safetensors':
        return _load_safetensors(path, map_location)
    if _trusted:
        print_log(
            f'{path} is loaded with full trust (--trust-checkpoint): it may run any code.',
            logger='current',
            level=logging.WARNING,
        )
        return torch.load(path, map_location=map_location, weights_only=False)
    check_file(path)
    try:
        with globals_allowed():
            content = torch.load(path, map_location=map_location, weights_only=True)
    except Exception as error:
        raise explain(error, path) from None
    return disarm(content, path)


def _load_safetensors(path: Path, map_location: Any) -> dict[str, Any]:
    from safetensors import safe_open
    from safetensors.torch import load_file

    start = start_of(path)
    # A file begins with the length of its header, which may be any of these two, too.
    if start.startswith((b'\x80', b'PK')) and start[8:9] != b'{':
        raise broken(ValueError('a pickle or an archive under the name of another format'), path)
    try:
        state_dict = load_file(path)
        with safe_open(path, 'pt') as file:
            meta = _meta_of_header(file.metadata() or {})
    except OSError:
        raise
    except Exception as error:
        raise broken(error, path) from None
    if not (map_location is None or callable(map_location)):
        state_dict = {key: value.to(map_location) for key, value in state_dict.items()}
    return dict(state_dict=state_dict, meta=meta)


def _meta_of_header(header: dict[str, str]) -> dict[str, Any]:
    """Class names and colours, which the header keeps as JSON, in the types of mmengine."""
    if 'dataset_meta' not in header:
        return {}
    stored = json.loads(header['dataset_meta'])
    meta: dict[str, Any] = {}
    if 'classes' in stored:
        meta['classes'] = tuple(map(str, stored['classes']))
    if 'palette' in stored:
        meta['palette'] = [tuple(map(int, colour)) for colour in stored['palette']]
    return dict(dataset_meta=meta)
