"""One step of the binary neuron, and all steps at once."""

from __future__ import annotations

import pytest
import torch

from mmsfa.neurons.functional import (
    BinaryDynamics,
    binary_fire_one_step,
    binary_fire_over_time,
)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize('threshold', [0.3, 1.1, 1.3, 1.7, 7.0])
def test_what_fires_is_what_is_reset(dtype: torch.dtype, threshold: float) -> None:
    """Around the threshold, where a division rounds."""
    near = torch.tensor(threshold, dtype=dtype)
    x = near + torch.arange(-8, 9) * (near * torch.finfo(dtype).eps)
    spikes, membrane, charge = binary_fire_one_step(
        x.to(dtype), None, BinaryDynamics(1.0, 1.0, threshold, soft_reset=False)
    )
    assert torch.equal(spikes, (charge >= threshold).to(dtype))
    assert torch.equal(membrane, charge * (1 - spikes))
    assert 0 < spikes.sum() < len(x)


@pytest.mark.parametrize(
    ('soft_reset', 'charges', 'membranes'),
    [(True, [1.5, 0.75, 2.875], [0.5, 0.75, 1.875]), (False, [1.5, 0.5, 2.75], [0.0, 0.5, 0.0])],
)
def test_three_steps_by_hand(
    soft_reset: bool, charges: list[float], membranes: list[float]
) -> None:
    """H[t] = V[t-1] / 2 + x[t] / 2, threshold 1."""
    dynamics = BinaryDynamics(0.5, 0.5, 1.0, soft_reset)
    x = torch.tensor([3.0, 1.0, 5.0])
    membrane, seen = None, []
    for current in x.unflatten(0, (3, 1)):
        spikes, membrane, charge = binary_fire_one_step(current, membrane, dynamics)
        seen.append((spikes.item(), membrane.item(), charge.item()))
    assert seen == list(zip([1, 0, 1], membranes, charges, strict=True))
    for grad in (False, True):
        fired = binary_fire_over_time(x.clone().requires_grad_(grad), 3, dynamics)
        assert fired.tolist() == [1, 0, 1]
