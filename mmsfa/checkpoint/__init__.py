"""Checkpoints: loaded as data that never runs code, and saved whole or not at all."""
