"""The classifier: its scores, and what it refuses."""

from __future__ import annotations

from math import inf

import pytest
import torch
from mmpretrain.structures import DataSample

from mmsfa.cls import TTFSHead
from mmsfa.spike_times import SpikeTimeError


def test_the_loss_of_a_race_is_the_first_spike_loss() -> None:
    torch.manual_seed(0)
    head = TTFSHead(3, 8, readout='first_spike')
    t = torch.rand(4, 2, 2, 2)
    scores = head((t,))
    times = head.fc(t.flatten(1))
    assert scores.shape == (4, 3) and scores.isfinite().all()
    first = times.min(1).values < inf
    assert torch.equal(scores.argmax(1)[first], times.argmin(1)[first])
    samples = [DataSample().set_gt_label(0) for _ in t]
    loss = head.loss((t,), samples)['loss']
    assert loss.item() == pytest.approx(-scores.log_softmax(1)[:, 0].mean().item(), abs=1e-6)


def test_potentials_are_scores_as_they_are() -> None:
    head, t = TTFSHead(3, 8), torch.rand(4, 8)
    assert torch.equal(head((t,)), (4 - t) @ head.fc.weight.t())


def test_another_size_is_named() -> None:
    with pytest.raises(SpikeTimeError, match=r'\(B, 8\), got \(4, 9\)'):
        TTFSHead(3, 8)((torch.rand(4, 9),))
