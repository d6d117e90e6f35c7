"""How many tokens are hidden, and which."""

from __future__ import annotations

import pytest
import torch

from mmsfa.pretrain import random_mask


@pytest.mark.parametrize(
    ('num_tokens', 'ratio', 'hidden'),
    [(196, 0.5, 98), (196, 0.75, 147), (36, 0.6, 22), (49, 0.6, 29), (4, 0.25, 1)],
)
def test_each_image_hides_the_same_number(num_tokens, ratio, hidden):
    mask = random_mask(32, num_tokens, ratio)
    assert mask.shape == (32, num_tokens) and mask.dtype == torch.bool
    assert mask.sum(1).tolist() == [hidden] * 32
    assert len(mask.unique(dim=0)) > 1


def test_each_token_is_hidden_equally_often():
    draw = torch.Generator().manual_seed(0)
    often = random_mask(20_000, 9, 1 / 3, generator=draw).double()
    torch.testing.assert_close(often.mean(0), torch.full((9,), 1 / 3).double(), rtol=0, atol=0.02)
    both = (often.T @ often / len(often))[~torch.eye(9).bool()]  # pairs: 3/9 * 2/8
    torch.testing.assert_close(both, torch.full((72,), 1 / 12).double(), rtol=0, atol=0.01)


def test_a_generator_repeats_the_choice_and_leaves_the_global_one_alone():
    state = torch.get_rng_state()
    first, second = (
        random_mask(4, 36, 0.5, generator=torch.Generator().manual_seed(3)) for _ in range(2)
    )
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize('ratio', [0.0, 1.0, 0.01, -0.5, 1.5])
def test_a_ratio_that_hides_nothing_or_everything_is_refused(ratio):
    with pytest.raises(ValueError, match='must hide at least one token of an image and leave one'):
        random_mask(2, 16, ratio)
