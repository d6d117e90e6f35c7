"""A masked autoencoder small enough for a test."""

from __future__ import annotations

from tests.helpers.small_spike_mae import spike_mae  # noqa: F401
