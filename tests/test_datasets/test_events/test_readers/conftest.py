"""Files to be read, and to be refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmsfa.datasets.events import EventFileError, read_events


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str, bytes], Path]:
    """A function that writes a recording with some ending of its name."""

    def write(ending: str, content: bytes) -> Path:
        path = tmp_path / f'recording{ending}'
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def refused(written: Callable[[str, bytes], Path]) -> Callable[[str, bytes, int, str], None]:
    """A function that sees to it that a file is refused: at which byte, in which words."""

    def refuse(ending: str, content: bytes, offset: int, words: str) -> None:
        path = written(ending, content)
        with pytest.raises(EventFileError, match=f'at byte {offset}, ') as refused:
            read_events(path)
        message = str(refused.value)
        assert message.startswith(f'{path} cannot be read') and words in message

    return refuse
