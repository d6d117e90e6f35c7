"""A training of a few numbers, and what it logs."""

from __future__ import annotations

from tests.helpers.short_training import net, toy_runner, warnings  # noqa: F401
