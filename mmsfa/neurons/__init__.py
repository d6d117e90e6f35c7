"""Spiking neurons: pure functions in ``functional``, one thin module a file."""

from .base import SpikingNeuron
from .sfa import SFA

__all__ = ['SFA', 'SpikingNeuron']
