"""Which files of a traceback a user wants to see, and how they are called on the screen."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

_STDLIB = sysconfig.get_path('stdlib')
_MM = ('mmengine', 'mmcv', 'mmdet', 'mmseg', 'mmpretrain', 'mmsfa')
# They only pass on what happens further inside.
_DULL = ('mmengine/registry', 'mmengine/config', 'mmengine/dist')


def _in_site_packages(path: str) -> str | None:
    """The path below site-packages."""
    for folder in ('site-packages', 'dist-packages'):
        _, found, inside = path.replace(os.sep, '/').rpartition(f'/{folder}/')
        if found:
            return inside
    return None


def is_of_interest(path: str) -> bool:
    """Whether a file belongs to an mm package or to the user, and not to Python or torch.

    Args:
        path: As a traceback has it.
    """
    if path.startswith('<') or path.replace(os.sep, '/').endswith('mmsfa/cli/options.py'):
        return False
    inside = _in_site_packages(path)
    if inside is not None:
        return inside.startswith(tuple(f'{name}/' for name in _MM)) and not inside.startswith(_DULL)
    return not path.startswith(_STDLIB)


def short_path(path: str) -> str:
    """A path as the user knows it: below site-packages, or seen from the working directory."""
    inside = _in_site_packages(path)
    if inside is not None:
        return inside
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path
