"""A small report, as `mmsfa.apis.measure.measure` gives it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

STAGES = ('backbone.stages.0', 'backbone.stages.1', 'decode_head')


def _neuron(stage: str, number: int) -> dict[str, Any]:
    histogram = [0.5, 0.2, 0.1, 0.1, 0.1]
    return dict(
        name=f'{stage}.{number}.activate', stage=stage, D=4, firing_rate=0.1 * (number + 1),
        nonzero=0.5, histogram=histogram, saturation=0.1, channels=24, dead_channels=3,
    )  # fmt: skip


def _operation(stage: str, number: int) -> dict[str, Any]:
    return dict(
        name=f'{stage}.block.{number}.conv', stage=stage, kind='convolution', input='spikes',
        bits=1.0, macs=2e9, acs=1e9, energy_mj=0.9, ann_energy_mj=9.2,
    )  # fmt: skip


def _total(part: str, share: float) -> dict[str, Any]:
    figures = dict(macs=12e9, acs=6e9, energy_mj=5.4, ann_energy_mj=55.2)
    return dict(
        part=part, params=int(4e6 * share), bytes=int(16e6 * share), firing_rate=0.15,
        **{key: value * share for key, value in figures.items()},
    )  # fmt: skip


_REPORT = dict(
    config=dict(path='configs/seg/some_model.py', sha256='c' * 64),
    checkpoint=dict(path='work_dirs/some_model/iter_1.pth', sha256='d' * 64),
    data=dict(pictures=9, sha256='e' * 64),
    settings=dict(
        mac_pj=4.6, ac_pj=0.9, device='cpu', mmsfa='0.1.0', torch='2.13.0', time='2026-01-01T00:00'
    ),
    neurons=[_neuron(stage, i) for stage in STAGES for i in range(2)],
    operations=[_operation(stage, i) for stage in STAGES for i in range(2)],
    totals=[_total('backbone', 2 / 3), _total('decode_head', 1 / 3), _total('model', 1)],
    analog={'backbone.downsample_layers.0.conv': 'picture', 'decode_head.conv_seg': 'potentials'},
    uncounted=[],
    not_run=[],
    idle=[],
    saturated=[],
)


@pytest.fixture
def report() -> dict[str, Any]:
    return copy.deepcopy(_REPORT)
