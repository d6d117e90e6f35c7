"""Load checkpoints without ever running code that is stored in them.

The stack's own loader tries ``weights_only=True`` and then falls back to plain pickle, which runs
whatever the file says. `checkpoint_schemes` puts this one in its place.
"""

from __future__ import annotations

import json
import logging
import os
import re
from pathlib import Path
from typing import Any

import torch
from mmengine.logging import print_log

from .allowed_globals import allowed_globals
from .errors import UserError

_trusted = False


class UnsafeCheckpointError(UserError, RuntimeError):
    """The file refers to code that no checkpoint of this stack needs."""


class BrokenCheckpointError(UserError, RuntimeError):
    """The file is cut off, or no checkpoint at all."""


class MissingCheckpointError(UserError, FileNotFoundError):
    """There is no such checkpoint file."""


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
        UnsafeCheckpointError: The file could run code.
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
    try:
        with torch.serialization.safe_globals(allowed_globals()):
            return torch.load(path, map_location=map_location, weights_only=True)
    except Exception as error:
        raise explain(error, str(path)) from None


def _load_safetensors(path: Path, map_location: Any) -> dict[str, Any]:
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load_file

    try:
        state_dict = load_file(path)
        with safe_open(path, 'pt') as file:
            meta = _meta_of_header(file.metadata() or {})
    except (SafetensorError, ValueError, TypeError) as error:
        raise _broken(error, path) from None
    if not (map_location is None or callable(map_location)):
        state_dict = {key: value.to(map_location) for key, value in state_dict.items()}
    return dict(state_dict=state_dict, meta=meta)


def _meta_of_header(header: dict[str, str]) -> dict[str, Any]:
    """Class names and colours, which the header keeps as JSON, in the types of mmengine."""
    if 'dataset_meta' not in header:
        return {}
    stored = json.loads(header['dataset_meta'])
    meta = dict(classes=tuple(map(str, stored['classes']))) if 'classes' in stored else {}
    if 'palette' in stored:
        meta['palette'] = [tuple(map(int, colour)) for colour in stored['palette']]
    return dict(dataset_meta=meta)


def explain(error: Exception, path: str | Path) -> Exception:
    """The error in one sentence; errors that do not come from the file stay as they are."""
    text = str(error)
    found = re.search(r'GLOBAL (.+?) was (?:refused|not)', text) or re.search(
        r'(?:unsupported GLOBAL|unrecognized function) (.+?)(?: whose|$)', text
    )
    if found or _start(path).startswith(b'\x80'):  # a pickle, but not one of weights
        reason = f'it refers to {found[1]!r}, which' if found else 'it holds more than data: it'
        return UnsafeCheckpointError(
            f'Refused to load {path}: {reason} could run code. If you made this file yourself and '
            'trust it, run the tool again with --trust-checkpoint (in Python: '
            'mmsfa.engine.trust_checkpoints()).'
        )
    if isinstance(error, OSError) or 'out of memory' in text or 'map_location' in text:
        return error  # the disk, or a device that is not there
    return _broken(error, path)


def _start(path: str | Path) -> bytes:
    """The first bytes of a file, or none of a URL."""
    if not Path(path).is_file():
        return b''
    with open(path, 'rb') as file:
        return file.read(64).lstrip()


def _broken(error: Exception, path: str | Path) -> BrokenCheckpointError:
    start, hint = _start(path), ''
    if start.startswith(b'version https://git-lfs'):
        hint = ' It is the pointer of git-lfs to the real file: run `git lfs pull`.'
    elif start.startswith((b'<', b'{')):
        hint = ' It looks like a web page or JSON that was downloaded instead.'
    elif 'TorchScript' in str(error):
        hint = ' It is a TorchScript archive, which holds a program and not only weights.'
    # torch's first line is advice to load the file without any check
    found = re.search(r'WeightsUnpickler error:\s*(.*)', str(error))
    reason = found[1] if found else (str(error).splitlines() or ['no details'])[0]
    return BrokenCheckpointError(
        f'{path} is no checkpoint, or it is damaged: it cannot be read '
        f'({type(error).__name__}: {reason[:200]}).{hint}'
    )
