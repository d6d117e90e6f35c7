"""What a tool would say of an exception: real ones, raised where users meet them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mmsfa.cli.failures import explain
from mmsfa.cli.options import run_tool


def explained(call: Callable[[], object]) -> str:
    """What a tool shows of the exception that a call raises: five lines at most."""
    with pytest.raises(BaseException) as caught:  # noqa: PT011  the text is compared
        call()
    text = explain(caught.value)
    assert len(text.splitlines()) <= 5, text
    return text


def shown(call: Callable[[], object]) -> str:
    """What a tool ends with whose whole work is a call."""
    with pytest.raises(SystemExit) as stopped:
        run_tool(call)
    assert stopped.value.code.startswith('\nError')  # a string: exit code 1
    return stopped.value.code
