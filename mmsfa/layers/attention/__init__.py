"""Attention on spikes, one kind a file."""

from .binary_map import BinaryMapAttention
from .product import SpikeProduct
from .saccadic import SaccadicAttention
from .spike_driven import SpikeDrivenSelfAttention, spike_driven_attention

__all__ = [
    'BinaryMapAttention',
    'SaccadicAttention',
    'SpikeDrivenSelfAttention',
    'SpikeProduct',
    'spike_driven_attention',
]
