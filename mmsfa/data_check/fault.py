"""What is wrong with one file of a data set, and the error that names such files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mmsfa.errors import UserError


class Fault(NamedTuple):
    """One file and what is wrong with it: plain strings, so it travels between processes.

    Attributes:
        path: The file at fault.
        what: One short phrase without a full stop.
    """

    path: str
    what: str

    def __str__(self) -> str:
        return f'{self.path}: {self.what}'


class DataFaultError(UserError):
    """Files of a data set are missing or damaged; the message names them."""


def list_faults(faults: Sequence[Fault], limit: int = 20) -> str:
    """One indented line a fault, at most ``limit`` of them, and how many more there are."""
    lines = [f'  {fault}' for fault in faults[:limit]]
    if len(faults) > limit:
        lines.append(f'  ... and {len(faults) - limit:,} more')
    return '\n'.join(lines)
