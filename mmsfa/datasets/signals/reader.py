"""Read a signal from WAV and the like, EDF, CSV or NumPy files."""

from __future__ import annotations

import csv
import importlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from mmsfa.datasets.suffixes import SIGNALS, SOUNDS
from mmsfa.errors import UserError

Array = np.ndarray


class SignalFileError(UserError, ValueError):
    """A file holds no signal that can be read, or none of what was asked of it."""


class Signal(NamedTuple):
    """A recording.

    Attributes:
        values: float32, (C, L): channels, samples.
        rate: Samples a second; None where the file does not tell.
        names: Of the channels; empty where the file does not tell.
    """

    values: Array
    rate: float | None
    names: tuple[str, ...]


def read_signal(path: str | os.PathLike, channels: Sequence[str] | None = None) -> Signal:
    """Read a recording.

    Sounds (``.wav``, ``.flac``, ``.ogg``) need the package soundfile, ``.edf`` needs mne: both come
    with ``pip install mmsfa[signals]``. A ``.csv`` has a line of names and a row for each sample; a
    ``.npy`` holds (L,) or (C, L).

    Args:
        path: The file; its suffix tells the format.
        channels: Names of the channels that are wanted, in this order; None takes all.

    Raises:
        SignalFileError: The file is no such signal, or a channel is not in it.
        UserError: The package that reads it is not installed.
        FileNotFoundError: There is no such file.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SIGNALS:
        refuse(path, f'a signal was expected ({", ".join(SIGNALS)}), got {suffix or "no suffix"}')
    if not os.path.isfile(path):
        raise FileNotFoundError(f'There is no signal {path}.')
    signal = _READERS['.wav' if suffix in SOUNDS else suffix](path)
    if channels is not None:
        signal = _chosen(path, signal, channels)
    if not np.isfinite(signal.values).all():
        sample = int(np.argmin(np.isfinite(signal.values).all(0)))
        refuse(path, f'finite values were expected, got another at sample {sample}')
    return signal


def refuse(path: str | os.PathLike, problem: str) -> NoReturn:
    """Refuse a file with one sentence.

    Args:
        path: The file.
        problem: What was expected and what came, without a full stop.

    Raises:
        SignalFileError: Always.
    """
    raise SignalFileError(f'{path} cannot be read: {problem}; mend, copy or convert the file anew.')


def _package(name: str, path: str | os.PathLike) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise UserError(
            f'{path} needs the package {name}: pip install {name}, or `pip install mmsfa[signals]`.'
        ) from None


def _read_sound(path: str | os.PathLike) -> Signal:
    soundfile = _package('soundfile', path)
    try:
        values, rate = soundfile.read(path, dtype='float32', always_2d=True)
    except soundfile.LibsndfileError as error:
        refuse(path, f'a sound was expected, but libsndfile says: {error.error_string}')
    return Signal(np.ascontiguousarray(values.T), float(rate), ())


def _read_edf(path: str | os.PathLike) -> Signal:
    mne = _package('mne', path)
    try:
        raw = mne.io.read_raw_edf(path, preload=True, verbose='ERROR')
    except Exception as error:  # of a parser that promises nothing
        refuse(path, f'EDF was expected, but mne says: {str(error).splitlines()[:1]}')
    return Signal(raw.get_data().astype(np.float32), raw.info['sfreq'], tuple(raw.ch_names))


def _read_csv(path: str | os.PathLike) -> Signal:
    with open(path, newline='') as file:
        rows = [row for row in csv.reader(file) if row]
    if len(rows) < 2:
        refuse(path, 'a line of names and rows of numbers were expected, got fewer than two lines')
    names, *samples = rows
    try:
        values = np.array(samples, np.float32)
    except ValueError:
        number = next(n for n, row in enumerate(samples, 2) if not _is_row(row, len(names)))
        refuse(path, f'{len(names)} numbers were expected in row {number}, got another row')
    if values.shape[1] != len(names):
        refuse(path, f'{len(names)} numbers a row were expected, got {values.shape[1]}')
    return Signal(np.ascontiguousarray(values.T), None, tuple(name.strip() for name in names))


def _is_row(row: list[str], length: int) -> bool:
    try:
        return len([float(cell) for cell in row]) == length
    except ValueError:
        return False


def _read_npy(path: str | os.PathLike) -> Signal:
    try:
        values = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        refuse(path, f'an array was expected, but NumPy says: {error}')
    if values.ndim not in (1, 2) or values.dtype.kind not in 'biuf':
        refuse(
            path,
            f'numbers of shape (L,) or (C, L) were expected, got {values.dtype} of {values.shape}',
        )
    return Signal(np.atleast_2d(values).astype(np.float32), None, ())


_READERS: dict[str, Callable[[str | os.PathLike], Signal]] = {
    '.wav': _read_sound,
    '.edf': _read_edf,
    '.csv': _read_csv,
    '.npy': _read_npy,
}


def _chosen(path: str | os.PathLike, signal: Signal, channels: Sequence[str]) -> Signal:
    missing = [name for name in channels if name not in signal.names]
    if missing:
        known = ', '.join(signal.names) or 'channels without names'
        refuse(path, f'the channel {missing[0]!r} was expected, got {known}')
    places = [signal.names.index(name) for name in channels]
    return Signal(signal.values[places], signal.rate, tuple(channels))
