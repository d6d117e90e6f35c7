"""Ratios, widths, and which channels stay."""

from __future__ import annotations

import pytest
import torch

from mmsfa.compression.pruning.widths import (
    PruningError,
    check_ratio,
    fits,
    kept_channels,
    ratios_of,
    width_after,
)


@pytest.mark.parametrize('ratio', [-0.1, 1, 1.5, float('nan'), True, '0.5', None])
def test_a_ratio_lies_between_nothing_and_all(ratio: object) -> None:
    with pytest.raises(PruningError, match=r'must lie in \[0, 1\), got'):
        check_ratio(ratio)


@pytest.mark.parametrize(
    ('width', 'ratio', 'code', 'text'), [(10, 0.45, 5, 6), (10, 0.9, 1, 1), (7, 0, 7, 7)]
)
def test_widths_as_released_and_as_written(width: int, ratio: float, code: int, text: int) -> None:
    """0.9 of ten leaves one, although 10 * (1 - 0.9) lies below 1."""
    assert (width_after(width, ratio), width_after(width, ratio, 'text')) == (code, text)


def test_an_unknown_rounding_is_refused() -> None:
    with pytest.raises(PruningError, match="'code' or 'text', got 'up'"):
        width_after(8, 0.5, 'up')  # type: ignore[arg-type]


def test_among_equals_the_higher_index_stays() -> None:
    assert kept_channels(torch.tensor([3.0, 1, 1, 1, 0, 1]), 3) == [0, 3, 5]


def test_each_head_keeps_as_many() -> None:
    scores = torch.tensor([9.0, 8, 7, 1, 3, 2])
    assert kept_channels(scores, 4, parts=2) == [0, 1, 4, 5]


def test_scores_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(PruningError, match='Scores are NaN'):
        kept_channels(torch.tensor([1.0, torch.nan]), 1)


def test_patterns_overrule_the_ratio_the_later_the_earlier() -> None:
    names = ['backbone.a.conv', 'backbone.b.conv', 'neck.conv']
    found = ratios_of(names, 0.5, {'backbone': 0.2, 'backbone.b.*': 0})
    assert found == {'backbone.a.conv': 0.2, 'backbone.b.conv': 0, 'neck.conv': 0.5}
    assert fits('neck.conv', 'neck') and not fits('necks.conv', 'neck')


@pytest.mark.parametrize(
    ('layers', 'words'),
    [
        ({'nek': 0.5}, "'nek' fits no layer whose channels can be pruned. Those are a, b"),
        ({'a': 1}, r"The ratio of 'a' .* must lie in \[0, 1\), got 1"),
    ],
)
def test_wrong_patterns_get_a_sentence(layers: dict, words: str) -> None:
    with pytest.raises(PruningError, match=words):
        ratios_of(['a', 'b'], 0.5, layers)
