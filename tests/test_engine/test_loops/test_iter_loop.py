"""Iterations that begin anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmsfa.data_check import Fault
from mmsfa.engine.loops.iter_loop import ResumableIterBasedTrainLoop
from tests.helpers.toy_training import toy_runner

Loop = ResumableIterBasedTrainLoop


@pytest.fixture
def loop(tmp_path: Path) -> Loop:
    """Three batches for each time that the data are seen."""
    run = toy_runner(tmp_path, randomness=dict(seed=7))
    dataset = [dict(inputs=number) for number in range(6)]
    sampler = dict(type='DefaultSampler', shuffle=False)
    loader = dict(dataset=dataset, batch_size=2, sampler=sampler)
    return Loop(run, loader, max_bad_share=0.5, max_iters=5, val_begin=3, val_interval=2)


def test_batches_are_passed_over_also_beyond_an_epoch(loop: Loop) -> None:
    batches = loop.dataloader_iterator
    batches.skip_iter(5)
    assert [next(batches)['inputs'] for _ in range(3)] == [[4, 5], [0, 1], [2, 3]]
    assert iter(batches) is batches


def test_the_order_of_the_checkpoint_is_taken_over(loop: Loop, tmp_path: Path) -> None:
    assert loop.state_dict() == dict(batch_size=2, seed=7, sampler_seed=7)
    stored = dict(batch_size=2, seed=70, sampler_seed=71)
    loop.load_state_dict(stored)
    assert loop.state_dict() == stored
    (log,) = tmp_path.glob('*/*.log')
    assert 'batch_size=' not in log.read_text()
    loop.load_state_dict(dict(stored, batch_size=4))
    assert 'is of a run with batch_size=4, this one has 2: the result' in log.read_text()


def test_validations_are_due_at_the_interval_and_at_the_end(loop: Loop) -> None:
    due = []
    for loop._iter in range(1, 6):
        if loop.validation_is_due():
            due.append(loop._iter)
    assert due == [4, 5]


def test_bad_samples_are_summed_up_once_in_a_while(loop: Loop, tmp_path: Path) -> None:
    loop.dataloader.faults.add([Fault('a.png', 'missing')])
    (log,) = tmp_path.glob('*/*.log')
    for loop._iter in range(1, 6):
        loop._decide_current_val_interval()
    assert log.read_text().count('1 bad samples so far (16.67% of 6') == 3
