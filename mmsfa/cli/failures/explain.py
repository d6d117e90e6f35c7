"""Any exception in a few lines: what happened, in which part of the config, and where."""

from __future__ import annotations

import errno
import re
import traceback
from collections.abc import Iterator
from typing import NamedTuple

from .failed_build import failed_build
from .short_path import is_of_interest, short_path

MAX_LINES, MAX_WIDTH = 2, 300  # of an error's own message

_OUT_OF_MEMORY = re.compile(
    r"out of memory|can't allocate memory|not enough memory|Unable to allocate|"
    r'Cannot allocate memory|Insufficient memory|Failed to allocate',
    re.IGNORECASE,
)
_LOWER = (
    'lower batch_size, the size of the pictures, the number of workers or the size of the model'
)


class Place(NamedTuple):
    """Where an error was raised.

    Attributes:
        path: Of the file, short.
        line: From 1.
        source: Of that line.
    """

    path: str
    line: int | None
    source: str

    def __str__(self) -> str:
        return f'{self.path}:{self.line}: {self.source}'.rstrip(': ')


def explain(error: BaseException) -> str:
    """Say in at most five lines what an exception means.

    Args:
        error: As it was caught, with its traceback.

    Returns:
        Without ``Error:`` in front; what to do comes first where it is known.
    """
    causes = list(_chain(error))
    for cause in causes:
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            name = f' ({cause.filename})' if cause.filename else ''
            return (
                f'The disk is full, or your quota is used up{name}. Make room, then continue with '
                '--resume.'
            )
    text, place = _message(error), _place(error)
    if any(isinstance(cause, MemoryError) for cause in causes) or _OUT_OF_MEMORY.search(text):
        what = 'The GPU has' if 'CUDA' in text or 'HIP' in text else 'The machine has'
        return f'{what} too little memory: {_LOWER}.\n  {_first_line(error)}\n  at {place}'
    if re.search(r'DataLoader worker \(pid.*(killed|exited)', text):
        return (
            f'A process that loads data was killed, most likely for want of memory (or of shared '
            f'memory, /dev/shm): lower num_workers or batch_size.\n  {_first_line(error)}'
        )
    build = failed_build(error)
    lines = [_headline(error, text)]
    if error.__cause__ is not None:  # the first cause tells more than the rest of the message
        lines = [_first_line(error), f'  from {_first_line(causes[-1])}']
    if build and build.hint:
        lines[0] = f'{lines[0].rstrip(".")}. {build.hint}'
    if build:
        lines.append(f'  while building {build.part}')
    lines.append(f'  at {place}')
    return '\n'.join(lines)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The exception, what it was raised from, and so on."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _from_worker(error: BaseException) -> str:
    """What torch has made of an exception in a worker: the whole traceback as its message."""
    text = str(error.args[0]) if error.args else ''
    return text if re.match(r'Caught \w+ in [^\n]*\nOriginal Traceback', text) else ''


def sentence_of(error: BaseException) -> str:
    """The whole message of an error that is the user's to mend; without a worker's traceback."""
    inside = _from_worker(error)
    return _of_worker(inside) if inside else str(error)


def _of_worker(inside: str) -> str:
    """The message at the end of a worker's traceback: its last line without indent and on."""
    return re.split(r'\n(?=\S+: )', inside.rstrip())[-1].partition(': ')[2]


def _message(error: BaseException) -> str:
    """The message, cut to a few lines of a readable width; never empty lines."""
    inside = _from_worker(error)
    if inside:
        text = _of_worker(inside)
    elif isinstance(error, KeyError) and len(error.args) == 1:
        # str() of it is a repr: backslashes and quotation marks in long messages
        key = error.args[0]
        text = key if isinstance(key, str) and ' ' in key else repr(key)
    else:
        text = str(error)
    # mmengine's advice is a link that does not tell what to do
    text = re.sub(r'(Please check whether.*)?More details can be found at\s+\S+', '', text)
    text = re.sub(r'<(?:\w+\.)*(\w+) object at 0x\w+>', r'\1', text)
    lines = [line.rstrip() for line in text.splitlines() if line.strip() not in ('', 'None')]
    cut = [line if len(line) <= MAX_WIDTH else f'{line[:MAX_WIDTH]} ...' for line in lines]
    return '\n  '.join(cut[:MAX_LINES] + ['...'] * (len(cut) > MAX_LINES))


def _headline(error: BaseException, text: str) -> str:
    found = re.match(r'Caught (\w+) in', _from_worker(error))
    name = found[1] if found else type(error).__name__
    return f'{name}: {text}' if text else name


def _first_line(error: BaseException) -> str:
    return _headline(error, _message(error)).splitlines()[0]


def _place(error: BaseException) -> Place:
    """The innermost line of an mm package or of the user's own code."""
    inside = _from_worker(error)
    if inside:
        frames = re.findall(r'File "(.+?)", line (\d+), in .*\n\s*(.*)', inside)
        places = [Place(path, int(line), source.strip()) for path, line, source in frames]
    else:
        summary = traceback.extract_tb(error.__traceback__)
        places = [Place(one.filename, one.lineno, one.line or '') for one in summary]
    if not places:
        return Place('an unknown place', None, '')
    best = next((one for one in reversed(places) if is_of_interest(one.path)), places[-1])
    return best._replace(path=short_path(best.path))
