"""Spike-driven masked pre-training, registered in mmpretrain; imported by its configs."""

from .decoder import SpikeMAEDecoder
from .random_mask import random_mask
from .spike_mae import SpikeMAE

__all__ = ['SpikeMAE', 'SpikeMAEDecoder', 'random_mask']
