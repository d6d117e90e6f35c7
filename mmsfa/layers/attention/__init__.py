"""Attention on spikes, one kind a file."""

from .spike_driven import SpikeDrivenSelfAttention, spike_driven_attention

__all__ = ['SpikeDrivenSelfAttention', 'spike_driven_attention']
