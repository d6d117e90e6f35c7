"""Networks of spike times: each neuron fires once or never, and when says how strongly.

A room of its own: times are no counts. Nothing here is a `mmsfa.neurons.SpikingNeuron`, whose
contract is a number of spikes 0..D in a step, and nothing here meets BN, shortcuts by addition or
SFA: an earlier time is a *larger* value, and inf is the value of a silent neuron. Reports of
energy, proofs, quantisation and export, which read counts, name these layers or refuse them.
"""

from .causal import first_spike_times
from .codes import (
    SpikeTimeError,
    earliest,
    first_spike_loss,
    first_spike_scores,
    times_of_activations,
    times_of_pixels,
)
from .event_driven import EventRun, run_events
from .layers import EarliestPool2d, SpikeTimeConv2d, SpikeTimeLinear
from .rules import ReLPSP, WindowTTFS
from .ttfs_net import TTFSNet

__all__ = [
    'EarliestPool2d',
    'EventRun',
    'ReLPSP',
    'SpikeTimeConv2d',
    'SpikeTimeError',
    'SpikeTimeLinear',
    'TTFSNet',
    'WindowTTFS',
    'earliest',
    'first_spike_loss',
    'first_spike_scores',
    'first_spike_times',
    'run_events',
    'times_of_activations',
    'times_of_pixels',
]
