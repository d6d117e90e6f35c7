"""Attention on spikes, one kind a file."""

from .product import SpikeProduct
from .spike_driven import SpikeDrivenSelfAttention, spike_driven_attention

__all__ = ['SpikeDrivenSelfAttention', 'SpikeProduct', 'spike_driven_attention']
