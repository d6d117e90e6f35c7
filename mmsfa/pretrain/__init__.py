"""Spike-driven masked pre-training, registered in mmpretrain; imported by its configs."""

from .decoder import SpikeMAEDecoder
from .spike_mae import SpikeMAE, random_mask

__all__ = ['SpikeMAE', 'SpikeMAEDecoder', 'random_mask']
