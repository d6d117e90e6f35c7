"""How a transform is built."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from mmcv.transforms import BaseTransform
from mmengine.registry import TRANSFORMS

import mmsfa.datasets.signals  # noqa: F401  registers


@pytest.fixture
def build() -> Callable[..., BaseTransform]:
    """A function that builds a transform from its name and settings."""
    return lambda kind, **settings: TRANSFORMS.build(dict(type=kind, **settings))
