"""An installation without torch and without OpenMMLab, in which `mmsfa.runtime` alone works."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from mmsfa import compat

VARIABLE = 'MMSFA_RUNTIME_ONLY'
WORKS = ('runtime', 'bare', 'caches', 'compat', 'errors', 'moved', 'shipped', 'version')


def is_bare() -> bool:
    """Whether ``import mmsfa`` shall bring nothing but `mmsfa.runtime`.

    So it is where neither torch nor mmengine can be imported: with one of them, the other is
    missing and the import says so. Where they are installed, `VARIABLE` leaves them alone.
    """
    if os.environ.get(VARIABLE, '0') not in ('', '0'):
        return True
    if compat.python_problem():
        return False  # the import says it
    return not any(map(compat.importable, ('torch', 'mmengine')))


class _Refusal(MetaPathFinder):
    """Refuses the rooms of the package that need torch."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, inner = name.partition('.')
        if package != 'mmsfa' or inner.partition('.')[0] in (*WORKS, ''):
            return None
        if os.environ.get(VARIABLE, '0') not in ('', '0'):
            raise compat.StackError(
                f'{name} needs torch and OpenMMLab, and {VARIABLE} is set, which keeps them away: '
                'unset it.'
            )
        compat.require()
        return None


def refuse_the_rest() -> None:
    """Let every other room of the package say what is missing when it is imported."""
    sys.meta_path.insert(0, _Refusal())
