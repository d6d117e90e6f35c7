"""The table of what mmsfa uses of other libraries although its name begins with an underscore."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One or several private names that one check covers.

    Attributes:
        names: As they stand in the code, or in words where no name begins with an underscore.
        used_by: Files of the package and the tools that use them, and that a change concerns; ``*``
            stands for any characters.
        check: That they are there and behave as those files expect; gets an empty folder.
    """

    names: tuple[str, ...]
    used_by: tuple[str, ...]
    check: Callable[[Path], None]


ROWS: list[Row] = []


def row(*names: str, used_by: str) -> Callable[[Callable[[Path], None]], Callable[[Path], None]]:
    """Add a row.

    Args:
        *names: Of the attributes, methods or classes.
        used_by: Files below mmsfa, and tools/..., between spaces; ``*`` stands for any characters.
    """

    def add(check: Callable[[Path], None]) -> Callable[[Path], None]:
        files = [one if one.startswith('tools/') else f'mmsfa/{one}' for one in used_by.split()]
        ROWS.append(Row(names, tuple(files), check))
        return check

    return add
