"""What a tool shows of an exception: real ones, raised where users meet them."""

from __future__ import annotations

import errno
import re

import pytest
import torch
from mmengine.registry import MODELS, init_default_scope
from torch.utils.data import DataLoader

from mmsfa.cli.failures import sentence_of
from mmsfa.errors import OptionError
from tests.helpers.failures import explained, shown


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


def test_the_first_cause_is_told() -> None:
    def fail() -> None:
        try:
            dict(a=1)['b']
        except KeyError as error:
            raise RuntimeError('reading failed\nfor whatever reason') from error

    lines = explained(fail).splitlines()
    assert lines[:2] == ['RuntimeError: reading failed', "  from KeyError: 'b'"]
    assert lines[2].startswith('  at ') and len(lines) == 3


def test_a_sentence_in_a_key_error_has_no_quotation_marks() -> None:
    def fail() -> None:
        raise KeyError("there is no 'b'")

    assert explained(fail).startswith("KeyError: there is no 'b'\n")


def test_a_users_error_has_its_whole_message() -> None:
    text = '\n'.join(['x' * 1000] * 10)
    assert sentence_of(OptionError(text)) == text
