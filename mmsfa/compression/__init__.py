"""Smaller models: quantised weights, learning from another network, memory of weights."""

from . import quantization

__all__ = ['quantization']
