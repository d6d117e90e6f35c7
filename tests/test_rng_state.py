"""All random number generators of a process at once."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from mmsfa.rng_state import (
    get_rng_state,
    isolated_rng,
    same_rng_state,
    seed_cpu,
    set_rng_state,
)

DRAWS = {
    'python': random.random,
    'normal of python': lambda: random.gauss(0, 1),  # one of a pair is kept
    'numpy': lambda: np.random.rand(3).tolist(),
    'normal of numpy': np.random.randn,
    'torch': lambda: torch.rand(3).tolist(),
}


def draw_all() -> list:
    return [draw() for draw in DRAWS.values()]


def test_a_state_comes_back_through_a_checkpoint(tmp_path: Path) -> None:
    draw_all()  # a normal number is left over now
    torch.save(get_rng_state(), tmp_path / 'state.pth')
    drawn = draw_all()
    assert draw_all() != drawn
    set_rng_state(torch.load(tmp_path / 'state.pth', weights_only=True))
    assert draw_all() == drawn


def draw_and_fail(draw: Callable) -> None:
    with isolated_rng():
        draw()
        raise KeyError('failed')


@pytest.mark.parametrize('draw', DRAWS.values(), ids=DRAWS)
def test_every_draw_is_noticed_and_isolated(draw: Callable) -> None:
    before = get_rng_state()
    assert same_rng_state(before, get_rng_state())
    with isolated_rng():
        inside = draw()
        assert not same_rng_state(before, get_rng_state())
    assert same_rng_state(before, get_rng_state())
    with pytest.raises(KeyError, match='failed'):
        draw_and_fail(draw)
    assert same_rng_state(before, get_rng_state())
    assert draw() == inside


def test_each_tuple_of_numbers_is_a_stream_of_its_own() -> None:
    def drawn(*numbers: int) -> list:
        seed_cpu(*numbers)
        return draw_all()

    assert drawn(3, 1) == drawn(3, 1)
    streams = [drawn(*numbers) for numbers in ((3, 1), (1, 3), (3,), (3, 2), (2**40, 1))]
    for values in zip(*streams, strict=True):  # in each of the generators
        assert len({str(value) for value in values}) == len(streams)
