"""Look at spiking models from outside: firing statistics."""

from .firing_rate import FiringRateCounter, in_model_order, stage_of

__all__ = ['FiringRateCounter', 'in_model_order', 'stage_of']
