"""Spiking layers: one small idea a file."""

from .attention.spike_driven import SpikeDrivenSelfAttention, spike_driven_attention
from .blocks import SpikeConvBlock, SpikeTransformerBlock
from .mlp import SpikeMLP
from .readout import readout_layers
from .rep_conv import RepConv, SpikeRepConv
from .sep_conv import SpikeSepConv
from .spike_conv import SpikeConv
from .spike_driven import SpikeDriven, make_spike_driven

__all__ = [
    'RepConv',
    'SpikeConv',
    'SpikeConvBlock',
    'SpikeDriven',
    'SpikeDrivenSelfAttention',
    'SpikeMLP',
    'SpikeRepConv',
    'SpikeSepConv',
    'SpikeTransformerBlock',
    'make_spike_driven',
    'readout_layers',
    'spike_driven_attention',
]
