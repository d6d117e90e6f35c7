"""What a tool shows of an exception: real ones, raised where users meet them."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import HOOKS, MODELS, init_default_scope
from torch.utils.data import DataLoader

from mmsfa.cli.failures import explain
from mmsfa.cli.options import run_tool
from mmsfa.errors import OptionError

SFA = dict(type='mmpretrain.SFA', D=4)


def explained(call: Callable[[], object]) -> str:
    with pytest.raises(BaseException) as caught:  # noqa: PT011  the text is compared
        call()
    text = explain(caught.value)
    assert len(text.splitlines()) <= 5, text
    return text


def shown(call: Callable[[], object]) -> str:
    with pytest.raises(SystemExit) as stopped:
        run_tool(call)
    assert stopped.value.code.startswith('\nError')  # a string: exit code 1
    return stopped.value.code


def build(cfg: Config) -> None:
    init_default_scope('mmpretrain')
    MODELS.build(cfg.model)


def test_a_misspelt_argument_is_named_with_its_place_in_the_config() -> None:
    cfg = Config(dict(model=dict(type='ImageClassifier', backbone=dict(type='ResNet', deph=50))))
    text = explained(lambda: build(cfg))
    assert text.startswith("TypeError: ResNet.__init__() got an unexpected keyword argument 'deph'")
    assert "Did you mean 'depth'?" in text
    assert 'while building model.backbone (ResNet)' in text
    assert re.search(r'at mmpretrain/models/classifiers/image.py:\d+: backbone = MODELS', text)


def test_an_argument_that_is_passed_on_to_a_base_class() -> None:
    text = explained(lambda: HOOKS.build(dict(type='MainProcessLoggerHook', intervall=1)))
    assert "Did you mean 'interval'?" in text


def test_a_name_without_its_scope_is_completed() -> None:
    init_default_scope('mmdet')
    text = explained(lambda: MODELS.build(dict(type='ESpikeFormer')))
    assert 'ESpikeFormer is not in the mmdet::model registry' in text
    assert "Did you mean 'mmpretrain.ESpikeFormer'?" in text
    assert 'http' not in text


def test_a_missing_type() -> None:
    cfg = Config(dict(model=dict(type='ImageClassifier', backbone=dict(depth=50))))
    assert 'while building model.backbone (an object without type)' in explained(lambda: build(cfg))


def test_a_part_that_is_there_twice_is_named_by_its_classes() -> None:
    wrong = dict(type='ResNet', depth=3)
    cfg = Config(dict(model=dict(type='ImageClassifier', backbone=wrong), other=wrong))
    assert 'while building ImageClassifier > ResNet' in explained(lambda: build(cfg))


def test_an_assertion_without_text_shows_its_line() -> None:
    init_default_scope('mmdet')
    neck = dict(type='FPN', in_channels=3, out_channels=3, num_outs=1)
    text = explained(lambda: MODELS.build(neck))
    assert re.fullmatch(
        r'AssertionError\n  while building FPN\n'
        r'  at mmdet/models/necks/fpn.py:\d+: assert isinstance\(in_channels, list\)',
        text,
    )


@pytest.mark.parametrize(
    ('error', 'sentence'),
    [
        (OSError(errno.ENOSPC, 'No space left on device', 'a.pth'), r'The disk is full.*a\.pth'),
        (OSError(errno.EDQUOT, 'Disk quota exceeded'), 'your quota is used up'),
        (MemoryError(), 'The machine has too little memory: lower batch_size'),
        (torch.OutOfMemoryError('CUDA out of memory. Tried to'), 'The GPU has too little memory'),
        (
            RuntimeError('DataLoader worker (pid 7) is killed by signal: Bus error.'),
            'shared memory',
        ),
    ],
)
def test_what_the_machine_lacks(error: Exception, sentence: str) -> None:
    def fail() -> None:
        raise error

    assert re.search(sentence, explained(fail))

    def wrapped() -> None:
        raise RuntimeError('saving failed') from error

    if isinstance(error, OSError):
        assert re.search(sentence, explained(wrapped))


def test_more_memory_than_there_is() -> None:
    text = explained(lambda: torch.empty(10**15))
    assert text.startswith('The machine has too little memory: lower')


class Faulty(torch.utils.data.Dataset):
    def __init__(self, error: type[Exception]) -> None:
        self.error = error

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> int:
        raise self.error(f'sample {index} is bad')


def test_an_error_in_a_worker_shows_the_line_of_the_worker() -> None:
    text = explained(lambda: next(iter(DataLoader(Faulty(ValueError), num_workers=1))))
    assert text.startswith('ValueError: sample 0 is bad\n  at ')
    assert 'raise self.error' in text
    assert shown(lambda: next(iter(DataLoader(Faulty(OptionError), num_workers=1)))) == (
        '\nError: sample 0 is bad'
    )


def test_a_long_message_is_cut() -> None:
    def fail() -> None:
        raise ValueError('\n'.join(['x' * 10_000] * 100))

    assert len(explained(fail)) < 1000


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    path = tmp_path / 'run.log'
    MMLogger.get_instance('failures', log_file=str(path))
    return path


def fail() -> None:
    raise ValueError('the reason')


def test_the_traceback_is_kept_in_the_log_file(log_file: Path, capsys) -> None:
    text = shown(fail)
    assert text.startswith('\nError: ValueError: the reason\n  at ')
    assert text.endswith(f'The whole traceback is in {log_file}.')
    kept = log_file.read_text()
    assert 'Traceback (most recent call last)' in kept and 'ValueError: the reason' in kept
    printed = capsys.readouterr()
    assert 'Traceback' not in printed.out + printed.err


def test_a_full_disk_under_the_log_adds_no_noise(monkeypatch, capsys) -> None:
    MMLogger.get_instance('failures_full', log_file='/dev/full')
    shown(fail)
    assert 'Traceback' not in capsys.readouterr().err


def test_the_traceback_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MMSFA_TRACEBACK', '1')
    with pytest.raises(ValueError, match='the reason'):
        run_tool(fail)


def test_each_rank_says_which_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('RANK', '3')
    assert shown(fail).startswith('\nError on rank 3: ValueError')


def test_ctrl_c() -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit, match='Stopped by the user.*--resume'):
        run_tool(stop)
