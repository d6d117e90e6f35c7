"""Layers that have fallen silent are named, those that race at the end among them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from math import inf

import pytest
import torch
from mmengine.logging import MMLogger

from mmsfa.cls import TTFSHead
from mmsfa.seg import TTFSSegHead
from mmsfa.spike_times.silence import Silence, share_of_firing


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    seen: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: seen.append(record.getMessage())  # type: ignore[method-assign]
    handler.addFilter(lambda record: 'silent' in record.getMessage())
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    yield seen
    logger.removeHandler(handler)


def test_a_share_counts_neurons_that_fire() -> None:
    assert share_of_firing(torch.tensor([0.0, inf, 3.0, inf])) == 0.5


def test_each_layer_is_named_once(warnings: list[str]) -> None:
    silence = Silence()
    silence.name({})
    silence.name({'a': torch.tensor(0.5), 'b': torch.tensor(0.001)})
    silence.name({'a': torch.tensor(0.0), 'b': torch.tensor(0.0)})
    silence.name({'a': torch.tensor(0.0)})
    assert len(warnings) == 2
    assert 'b (0.1% fire)' in warnings[0] and 'a (0.0% fire)' in warnings[1]


@pytest.mark.parametrize('readout', ['first_spike', 'potential'])
def test_so_is_a_race_that_nobody_wins(warnings: list[str], readout: str) -> None:
    classifier = TTFSHead(3, 8, readout=readout)
    segmentor = TTFSSegHead(8, num_classes=3, readout=readout)
    classifier.fc.weight.data.fill_(-1)
    segmentor.conv_seg.weight.data.fill_(-1)
    t = torch.rand(2, 8, 4, 4)
    for mode in (False, True, True):
        assert not classifier.train(mode)((t[..., 0, 0],)).isnan().any()
        assert not segmentor.train(mode)((t,)).isnan().any()
    assert len(warnings) == (2 if readout == 'first_spike' else 0)
