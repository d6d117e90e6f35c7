"""Codes: from pixels to times and from times to scores."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from mmsfa.spike_times import (
    SpikeTimeError,
    earliest,
    first_spike_loss,
    first_spike_scores,
    times_of_activations,
    times_of_pixels,
)
from tests.helpers.seeds import seeds


def probed(found: torch.Tensor, inputs: dict, *of: torch.Tensor) -> tuple[torch.Tensor, ...]:
    finite = torch.where(found.isfinite(), found, 0)
    return torch.autograd.grad((finite * torch.tensor(inputs['probe:t_out'])).mean(), of)


def code(inputs: dict, config: dict, state: None) -> dict[str, Any]:
    x, weight = (torch.tensor(inputs[n], requires_grad=True) for n in ('x', 'weight'))
    found = times_of_activations(F.conv2d(x, weight, **config))
    grads = probed(found, inputs, x, weight)
    return {'t_out': found, 'grad:x': grads[0], 'grad:weight': grads[1]}


def pool(inputs: dict, config: dict, state: None) -> dict[str, Any]:
    t = torch.tensor(inputs['t_in'], requires_grad=True)
    found = earliest(t)
    return {'t_out': found, 'grad:t_in': probed(found, inputs, t)[0]}


def test_cases(shared_dir: Path) -> None:
    kit = seeds(shared_dir)
    kit.Case('ttfs_layers/code').check(code)
    kit.Case('ttfs_layers/pool').check(pool)


def test_stronger_is_earlier_and_black_is_silent() -> None:
    pixels = torch.tensor([1.0, 0.75, 0.0], requires_grad=True)
    t = times_of_pixels(pixels, t_max=2.0)
    assert t.tolist() == [0, 0.5, inf]
    assert torch.autograd.grad(t[:2].sum(), pixels)[0].tolist() == [-2, -2, 0]
    assert times_of_pixels(torch.zeros(0)).shape == (0,)


@pytest.mark.parametrize('wrong', [-0.1, 255.0, float('nan')])
def test_other_pixels_are_refused(wrong: float) -> None:
    with pytest.raises(SpikeTimeError, match=r'must lie in \[0, 1\], got .*std=\[255'):
        times_of_pixels(torch.tensor([0.5, wrong]))


def test_silent_windows_stay_silent_without_gradient() -> None:
    t = torch.full((1, 1, 2, 4), inf)
    t[..., 2] = 0.5
    t.requires_grad_()
    found = earliest(t)
    assert found.flatten().tolist() == [inf, 0.5]
    (grad,) = torch.autograd.grad(found, t, torch.ones_like(found))
    assert grad[..., 2:].sum() == 1 and not grad[..., :2].any()


def test_the_first_spike_wins() -> None:
    t = torch.tensor([[0.4, inf, 0.2], [inf, inf, inf]], requires_grad=True)
    scores = first_spike_scores(t, temperature=0.2, latest=1.0)
    assert scores.isfinite().all() and scores[0].argmax() == 2
    loss = first_spike_loss(t, torch.tensor([0, 1]), temperature=0.2, latest=1.0)
    (grad,) = torch.autograd.grad(loss, t)
    # The right class shall be earlier, the others later; silent ones are asked nothing.
    assert grad[0, 0] > 0 > grad[0, 2] and grad[0, 1] == 0 and not grad[1].any()
