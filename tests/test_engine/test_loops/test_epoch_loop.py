"""Epochs that begin in the middle."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmsfa.engine.loops.epoch_loop import ResumableEpochBasedTrainLoop
from tests.helpers.toy_training import toy_runner


class Loop(ResumableEpochBasedTrainLoop):
    """Keeps the batches instead of training on them; stops behind one of them."""

    stops = -1

    def run_iter(self, idx: int, data_batch: dict) -> None:
        self.seen.append((idx, data_batch['inputs']))
        if idx == self.stops:
            raise KeyboardInterrupt


@pytest.fixture
def loop(tmp_path: Path) -> Loop:
    """Three batches an epoch."""
    run = toy_runner(tmp_path, randomness=dict(seed=7))
    run._hooks = []
    dataset = [dict(inputs=number) for number in range(6)]
    sampler = dict(type='DefaultSampler', shuffle=False)
    loader = dict(dataset=dataset, batch_size=2, sampler=sampler)
    loop = Loop(run, loader, max_epochs=5, val_begin=3, val_interval=2)
    loop.seen = []
    return loop


WHOLE = [(0, [0, 1]), (1, [2, 3]), (2, [4, 5])]


def test_an_epoch_goes_on_where_it_was_left(loop: Loop) -> None:
    loop.load_state_dict(dict(batches=3, position=2, seed=70, sampler_seed=7))
    loop.run_epoch()
    assert loop.seen == WHOLE[2:] and loop.epoch == 1
    loop.run_epoch()
    assert loop.seen == WHOLE[2:] + WHOLE and loop.epoch == 2
    assert loop.state_dict(epoch=2) == dict(batches=3, position=0, seed=70, sampler_seed=7)


def test_the_place_counts_the_batch_that_is_being_trained(loop: Loop) -> None:
    loop.stops = 1
    with pytest.raises(KeyboardInterrupt):
        loop.run_epoch()
    state = loop.state_dict(epoch=0)
    assert state == dict(batches=3, position=2, seed=7, sampler_seed=7)
    assert loop.state_dict(epoch=1)['position'] == 0  # saved behind the epoch
    loop.load_state_dict(state)
    loop.run_epoch()
    assert loop.seen == WHOLE


def test_another_number_of_batches_begins_the_epoch_anew(loop: Loop) -> None:
    loop.load_state_dict(dict(batches=6, position=2, seed=7, sampler_seed=7))
    loop.run_epoch()
    assert loop.seen == WHOLE


def test_a_validation_is_due_behind_whole_epochs_alone(loop: Loop) -> None:
    due = []
    for loop._epoch in range(1, 6):
        if loop.validation_is_due():
            due.append(loop._epoch)
    assert due == [4, 5]  # from the third on every second one, and the last
    loop.position = 1
    assert not loop.validation_is_due()
