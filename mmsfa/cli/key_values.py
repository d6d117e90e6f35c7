"""Read ``key=value`` from the command line as mmengine does, but with the blanks of a value."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any

from mmengine.config import DictAction

_BLANK = '\x1f'  # stands for a blank while mmengine reads; `int` takes it for one, too


class KeyValues(DictAction):
    """As `DictAction`, which loses every blank: ``data_root='/my folder/x'`` keeps its own.

    Those beside the commas and brackets of a list are none of a value: ``[1, 2]`` is ``[1,2]``.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Add settings to those that the option has given already.

        Raises:
            argparse.ArgumentError: One is no ``key=value``, or its brackets do not match.
        """
        given = [] if values is None else [values] if isinstance(values, str) else list(values)
        for one in given:
            key, equals, _ = one.partition('=')
            if not equals or not key.strip():
                raise argparse.ArgumentError(self, f'expected key=value, got {one!r}')
        try:
            super().__call__(parser, namespace, [_marked(one) for one in given], option_string)
        except AssertionError:
            raise argparse.ArgumentError(
                self, f'the brackets do not match in {" ".join(given)!r}'
            ) from None
        setattr(namespace, self.dest, _unmarked(getattr(namespace, self.dest)))


def _marked(setting: str) -> str:
    """``key=value`` with the blanks marked that belong to the value."""
    key, _, value = setting.partition('=')
    value = value.strip()
    if ',' in value or value.strip('\'"').startswith(('(', '[')):
        value = re.sub(r' *, *|(?<=[(\[]) +| +(?=[)\]])', lambda found: found[0].strip(), value)
    return f'{key.strip()}={value.replace(" ", _BLANK)}'


def _unmarked(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(_BLANK, ' ')
    if isinstance(value, dict):
        return {key: _unmarked(one) for key, one in value.items()}
    return type(value)(map(_unmarked, value)) if isinstance(value, (list, tuple)) else value
