"""The causal mix: its sum, its order, its inverse thresholds."""

from __future__ import annotations

import torch

from mmsfa.neurons.functional import causal_mix, decoupled_threshold, initial_mix


def test_the_mix_is_a_product_with_the_lower_triangle() -> None:
    # drawn in float64: sums of what float32 can hold are exact in any order
    x, mix = (torch.randn(*size, dtype=torch.float64) for size in ((5, 3, 40), (5, 5)))
    whole = causal_mix(x, mix)
    torch.testing.assert_close(whole, torch.einsum('ts,sbn->tbn', mix.tril(), x))
    for step in range(5):
        assert torch.equal(causal_mix(x[: step + 1], mix, step), whole[step])
        assert torch.equal(causal_mix(x, mix, step), whole[step]), 'what comes later is not read'


def test_thresholds_of_single_steps() -> None:
    mix, threshold = initial_mix(4, 0.5).double(), torch.rand(4).double()
    torch.testing.assert_close(mix @ decoupled_threshold(mix, threshold), threshold)


def test_powers_of_the_past() -> None:
    assert torch.equal(initial_mix(3, 0), torch.eye(3))
    assert initial_mix(3, 0.5)[2].tolist() == [0.25, 0.5, 1]
    assert initial_mix(1, 0.5).tolist() == [[1]]
