"""Membrane potentials on which every rule of firing shows."""

from __future__ import annotations

import torch

ROUNDINGS = ['half_even', 'half_up']


def potentials(dtype=torch.float64):
    """A dense dyadic grid that holds every tie of D <= 8, and random values."""
    grid = torch.arange(-2, 10, 1 / 64, dtype=dtype)
    return torch.cat([grid, 3 * torch.randn(4096, dtype=dtype) + 1])
