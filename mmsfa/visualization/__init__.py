"""Pictures of what spiking models do: firing maps, predictions, plots and the report page."""

from .firing_map import FiringMap

__all__ = ['FiringMap']
