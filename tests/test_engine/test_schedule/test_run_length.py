"""Lengths of runs, and places in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmsfa.engine.schedule import Length
from tests.helpers.toy_training import toy_runner


def test_the_length_of_a_run_and_of_its_checkpoint(tmp_path: Path) -> None:
    run = toy_runner(tmp_path)
    length = Length.of(run)
    assert length == Length(epochs=2, iters=4, by_epoch=True)
    info = dict(max_epochs=3, max_iters=6)
    checkpoint = dict(message_hub=dict(runtime_info=info))
    assert Length.of_checkpoint(checkpoint, by_epoch=False) == Length(3, 6, False)
    for silent in ({}, dict(message_hub='?'), dict(message_hub=dict(runtime_info={}))):
        assert Length.of_checkpoint(silent, by_epoch=True) is None


def test_a_run_ends_by_epochs_or_by_iterations() -> None:
    assert (Length(3, 30, True).end, Length(3, 30, True).unit) == (3, 'epoch')
    assert (Length(1, 30, False).end, Length(1, 30, False).unit) == (30, 'iteration')


@pytest.mark.parametrize(
    ('other', 'words'),
    [
        (None, '3'),
        (Length(6, 60, True), '3'),
        (Length(3, 30, True), '3'),
        (Length(3, 15, True), '3 with 10 iterations each'),
    ],
)
def test_epochs_of_another_length_are_said(other: Length | None, words: str) -> None:
    assert Length(3, 30, True).in_words(other) == words


def test_an_epoch_of_another_length_begins_anew() -> None:
    meta = dict(epoch=2, iter=25)
    assert Length(3, 30, True).place(meta, None) == (2, 25, 10)
    assert Length(3, 30, True).place(meta, Length(6, 60, True)) == (2, 25, 10)
    assert Length(3, 15, True).place(meta, Length(3, 30, True)) == (2, 10, 5)
    assert Length(1, 60, False).place(dict(epoch=0, iter=25), Length(1, 30, False)) == (0, 25, 60)
