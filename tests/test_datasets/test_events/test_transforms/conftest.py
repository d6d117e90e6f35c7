"""A recording, its events, and frames that all show the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mmcv.transforms import BaseTransform
from mmengine.registry import TRANSFORMS

from mmsfa.datasets.events import read_events

SHAPE = (34, 34)


@pytest.fixture
def recording(shared_data) -> Path:
    """A file of N-MNIST."""
    return min(shared_data('nmnist_small').glob('Train/5/*.bin'))


@pytest.fixture
def sample(recording: Path) -> dict:
    """As `LoadEvents` leaves it."""
    np.random.seed(0)
    events = read_events(recording)
    return dict(events=events, img_shape=SHAPE, ori_shape=SHAPE, img_path=str(recording))


@pytest.fixture
def build() -> Callable[..., BaseTransform]:
    """A function that builds a transform from its name and settings."""
    return lambda kind, **settings: TRANSFORMS.build(dict(type=kind, **settings))


@pytest.fixture
def still() -> dict:
    """All 8 frames show the same, so that they stay equal where they are treated alike."""
    frame = np.random.default_rng(0).poisson(0.3, (40, 48, 2)).astype(np.float32)
    shape = (40, 48)
    return dict(img=np.tile(frame, 8), img_shape=shape, ori_shape=shape, gt_label=3)
