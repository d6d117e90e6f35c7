"""Smaller models: quantised weights, fewer channels, learning from another network, memory."""

from . import pruning, quantization

__all__ = ['pruning', 'quantization']
