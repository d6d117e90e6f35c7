"""Look at spiking models from outside: firing statistics."""

from .firing_rate import FiringRateCounter, stage_of

__all__ = ['FiringRateCounter', 'stage_of']
