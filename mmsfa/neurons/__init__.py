"""Spiking neurons: pure functions in ``functional``, one thin module a file."""

from .base import SpikingNeuron
from .lif import IF, LIF
from .sfa import SFA

__all__ = ['IF', 'LIF', 'SFA', 'SpikingNeuron']
