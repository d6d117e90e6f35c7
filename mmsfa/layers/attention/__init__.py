"""Attention on spikes, one kind a file."""

from .binary_map import BinaryMapAttention
from .product import SpikeProduct
from .spike_driven import SpikeDrivenSelfAttention, spike_driven_attention

__all__ = [
    'BinaryMapAttention',
    'SpikeDrivenSelfAttention',
    'SpikeProduct',
    'spike_driven_attention',
]
