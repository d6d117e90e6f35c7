"""Spiking neurons: pure functions in ``functional``, one thin module a file."""

from .base import SpikingNeuron
from .functional.stored_spikes import spikes_as_bytes
from .lif import IF, LIF
from .real_time import RealTime
from .running_mean import RunningMean
from .saccadic import SaccadicNeuron
from .sfa import SFA
from .state_quant import UniformState
from .ternary import TernaryInput, TernaryLIF
from .threshold import AFT

__all__ = [
    'AFT',
    'IF',
    'LIF',
    'SFA',
    'RealTime',
    'RunningMean',
    'SaccadicNeuron',
    'SpikingNeuron',
    'TernaryInput',
    'TernaryLIF',
    'UniformState',
    'spikes_as_bytes',
]
