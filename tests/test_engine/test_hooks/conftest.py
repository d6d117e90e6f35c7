"""A training of a few numbers for checkpoints, and a small masked autoencoder."""

from __future__ import annotations

from tests.helpers.short_training import logged, net, toy_runner, warnings  # noqa: F401
from tests.helpers.small_spike_mae import spike_mae  # noqa: F401
