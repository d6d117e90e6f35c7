"""Attention on spikes, one kind a file."""

from .binary_map import BinaryMapAttention
from .hamming import HammingAttention
from .product import SpikeProduct
from .saccadic import SaccadicAttention
from .spike_driven import SpikeDrivenSelfAttention, spike_driven_attention
from .step_aligned import StepAlignedAttention

__all__ = [
    'BinaryMapAttention',
    'HammingAttention',
    'SaccadicAttention',
    'SpikeDrivenSelfAttention',
    'SpikeProduct',
    'StepAlignedAttention',
    'spike_driven_attention',
]
