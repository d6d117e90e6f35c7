"""What ``compile`` needs and how long it takes is said before anything is built."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger

from mmsfa.config.check_compile import check_compile
from mmsfa.errors import OptionError


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What reaches the log, on a machine without a GPU."""
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    messages: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: messages.append(record.getMessage())
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    yield messages
    logger.removeHandler(handler)


@pytest.mark.parametrize('options', [None, False, dict(backend='eager')])
def test_nothing_is_said_where_nothing_is_compiled(said: list[str], options: object) -> None:
    check_compile(Config(dict(compile=options)))
    assert not said


def test_the_time_is_said(said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = tmp_path / 'g++'
    compiler.touch(0o755)
    monkeypatch.setenv('CXX', str(compiler))
    check_compile(Config(dict(compile=dict(dynamic=False))))
    assert len(said) == 1 and 'whole step of the model' in said[0]


def test_without_a_compiler(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('CXX', 'no-such-compiler')
    with pytest.raises(OptionError, match='a C.. compiler on a CPU, and there is no no-such-comp'):
        check_compile(Config(dict(compile=True)))
    assert not said


def test_another_value() -> None:
    with pytest.raises(OptionError, match="True, False or a dict .*, got 'yes'"):
        check_compile(Config(dict(compile='yes')))
