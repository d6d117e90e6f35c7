"""What a user reads when a checkpoint is not loaded: one sentence with file, reason and way out."""

from __future__ import annotations

import re
from pathlib import Path

from mmsfa.errors import UserError


class UnsafeCheckpointError(UserError, RuntimeError):
    """The file could run code, or asks for what no checkpoint of this stack needs."""


class BrokenCheckpointError(UserError, RuntimeError):
    """The file is cut off, or no checkpoint at all."""


class MissingCheckpointError(UserError, FileNotFoundError):
    """There is no such checkpoint file."""


def unsafe(path: str | Path, reason: str) -> UnsafeCheckpointError:
    """The refusal of a file that is readable and not harmless.

    Args:
        path: The file, or its URL.
        reason: Goes on after "Refused to load PATH: ".
    """
    return UnsafeCheckpointError(
        f'Refused to load {path}: {reason}. If you made this file yourself and trust it, run the '
        'tool again with --trust-checkpoint (in Python: mmsfa.engine.trust_checkpoints()).'
    )


def broken(error: Exception, path: str | Path) -> BrokenCheckpointError:
    """The refusal of a file that cannot be read, with what it may be instead.

    Args:
        error: What the reader said.
        path: The file, or its URL.
    """
    start, hint = start_of(path).lstrip(), ''
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
        f'({type(error).__name__}: {printable(reason)}).{hint} Fetch it again, or give another '
        'checkpoint.'
    )


def explain(error: Exception, path: str | Path) -> Exception:
    """The error in one sentence; errors that do not come from the file stay as they are."""
    text = str(error)
    found = re.search(r'GLOBAL (.+?) was (?:refused|not)', text) or re.search(
        r'(?:unsupported GLOBAL|unrecognized function) (.+?)(?: whose|$)', text
    )
    if found:
        return unsafe(path, f'it refers to {printable(found[1])!r}, which could run code')
    if isinstance(error, MemoryError) or "can't allocate memory" in text:
        return unsafe(path, 'it asks for more memory than there is')
    if start_of(path).startswith(b'\x80') and not isinstance(error, EOFError):
        return unsafe(path, 'it holds more than data: it could run code')
    if isinstance(error, OSError) or 'out of memory' in text or 'map_location' in text:
        return error  # the disk, or a device that is not there
    return broken(error, path)


def start_of(path: str | Path) -> bytes:
    """The first bytes of a file, or none of a URL."""
    if not Path(path).is_file():
        return b''
    with open(path, 'rb') as file:
        return file.read(512)


def printable(text: str, length: int = 200) -> str:
    """Text out of a file, short and without what would steer a terminal."""
    return ''.join(c if c.isprintable() else '?' for c in text[:length])
