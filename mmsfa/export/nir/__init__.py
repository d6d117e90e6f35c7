"""Models in the neuromorphic intermediate representation (NIR)."""

from .check import compare_spikes
from .export import export_nir
from .network import NirNetwork
from .primitives import NirError

__all__ = ['NirError', 'NirNetwork', 'compare_spikes', 'export_nir']
