"""Event tensors: identities on random and on real events."""

from __future__ import annotations

import numpy as np
import pytest

from mmsfa.datasets.events import (
    EventColumnsError,
    count_frames,
    make_events,
    read_events,
    voxel_grid,
)
from mmsfa.datasets.events.tensors import slice_of_events

SHAPE = (13, 17)  # H, W: different, and no multiples of anything


@pytest.fixture
def events() -> np.ndarray:
    rng = np.random.default_rng(0)
    number = 1001
    t = np.sort(rng.integers(0, 5000, number)) + 10**10
    x, y = rng.integers(0, SHAPE[1], number), rng.integers(0, SHAPE[0], number)
    return make_events(t, x, y, rng.integers(0, 2, number))


def one_by_one(events: np.ndarray, slices: np.ndarray, T: int) -> np.ndarray:
    """The definition of a count tensor, written as a loop."""
    tensor = np.zeros((*SHAPE, T, 2))
    for (_, x, y, p), step in zip(events.tolist(), slices, strict=True):
        tensor[y, x, step, p] += 1
    return tensor.reshape(*SHAPE, 2 * T)


@pytest.mark.parametrize('T', [1, 4, 7])
@pytest.mark.parametrize('by', ['count', 'time'])
def test_counts_agree_with_counting_one_by_one(events: np.ndarray, by: str, T: int) -> None:
    slices = slice_of_events(events, T, by)
    assert set(slices) == set(range(T)) and (np.diff(slices) >= 0).all()
    tensor = count_frames(events, SHAPE, T, by)
    assert tensor.dtype == np.float32
    assert (tensor == one_by_one(events, slices, T)).all()


def test_slices_are_equally_full_or_equally_long(events: np.ndarray) -> None:
    sizes = np.bincount(slice_of_events(events, 7, 'count'))
    assert sizes.max() - sizes.min() <= 1
    times = make_events(np.array([0, 9, 10, 19, 20, 29]), *np.zeros((3, 6), int))
    assert slice_of_events(times, 3, 'time').tolist() == [0, 0, 1, 1, 2, 2]


def test_a_voxel_grid_shares_each_event_out_linearly() -> None:
    t = np.array([0, 25, 50, 100])
    grid = voxel_grid(make_events(t, [0, 1, 2, 3], [0] * 4, [1, 1, 0, 0]), (1, 4), T=3)
    off, on = grid[0, :, 0::2], grid[0, :, 1::2]  # (W, T)
    assert on.tolist() == [[1, 0, 0], [0.5, 0.5, 0], [0, 0, 0], [0, 0, 0]]
    assert off.tolist() == [[0, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize('T', [1, 2, 5])
def test_a_voxel_grid_keeps_the_number_of_events(events: np.ndarray, T: int) -> None:
    grid = voxel_grid(events, SHAPE, T)
    assert grid.dtype == np.float32 and grid.shape == (*SHAPE, 2 * T)
    per_pixel = grid.reshape(*SHAPE, T, 2).sum(2)
    assert np.allclose(per_pixel, count_frames(events, SHAPE, 1), atol=1e-5)
    signed = voxel_grid(events, SHAPE, T, signed=True)
    assert np.allclose(signed, grid[..., 1::2] - grid[..., 0::2], atol=1e-6)


def test_without_events_a_tensor_is_empty() -> None:
    none = make_events(*np.zeros((4, 0), int))
    for tensor in (count_frames(none, SHAPE, 3, 'time'), count_frames(none, SHAPE, 3, 'count'),
                   voxel_grid(none, SHAPE, 3)):  # fmt: skip
        assert tensor.shape == (*SHAPE, 6) and not tensor.any()


def test_real_recordings_keep_every_event(shared_data) -> None:
    for path in sorted(shared_data('nmnist_small').glob('Test/*/*.bin'))[::40]:
        events = read_events(path)
        for tensor in (count_frames(events, (34, 34), 3, 'time'), voxel_grid(events, (34, 34), 3)):
            assert tensor.sum() == pytest.approx(len(events), rel=1e-6)
            assert (tensor.reshape(-1, 6).sum(0) > 20).all()  # each step, both polarities


@pytest.mark.parametrize(('change', 'words'), [
    (dict(shape=(13, 16)), r'columns 0..16 and rows 0..12'),
    (dict(shape=(12, 17)), r'\(H, W\) = \(12, 17\)'),
    (dict(T=0), 'T .* integer >= 1, got 0'),
    (dict(T=2.0), 'T .* integer >= 1, got 2.0'),
    (dict(by='number'), "'count' or 'time', got 'number'"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(events: np.ndarray, change: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        count_frames(events, **{'shape': SHAPE, 'T': 3, **change})


@pytest.mark.parametrize('make', [count_frames, voxel_grid])
def test_arrays_that_are_no_events_are_refused(events: np.ndarray, make) -> None:
    wrong = events.copy()
    wrong['p'][3] = -1
    seconds = np.zeros(4, [('t', 'f8'), ('x', 'i2'), ('y', 'i2'), ('p', 'i1')])
    for given, words in (
        (events[::-1], 'in the order of time'),
        (wrong, r'got p in -1..1: make the events with make_events'),
        (np.zeros((4, 4)), r'structured array .* shape \(4, 4\): make it with make_events'),
        (events[['t', 'x', 'y']], 'structured array'),
        (seconds, 'structured array of whole numbers'),
    ):
        with pytest.raises(EventColumnsError, match=words):
            make(given, SHAPE, 3)


@pytest.mark.parametrize('kind', ['u4', 'i4'])
def test_times_of_32_bits_do_not_overflow(kind: str) -> None:
    t = np.array([0, 1_200_000_000, 2_000_000_000])
    short = np.zeros(3, [('t', kind), ('x', 'u2'), ('y', 'u2'), ('p', '?')])
    short['t'], short['p'] = t, True
    long = make_events(t, *np.zeros((2, 3), int), np.ones(3, int))
    for tensor in (lambda e: count_frames(e, SHAPE, 8, 'time'), lambda e: voxel_grid(e, SHAPE, 8)):
        assert (tensor(short) == tensor(long)).all()
