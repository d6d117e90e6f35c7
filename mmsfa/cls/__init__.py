"""Spike-driven classification heads, registered in mmpretrain."""

from .heads import SpikeLinearClsHead

__all__ = ['SpikeLinearClsHead']
