"""Look at spiking models from outside: firing, operations, energy, spike-driven inference."""

from .energy import EnergyCosts
from .equivalence import Equivalence, compare
from .firing_rate import FiringRateCounter
from .float64 import in_float64
from .observer import observe
from .operations import OperationCounter, Operations
from .real_inputs import real_inputs
from .spike_inference import MODES, spike_inference
from .stages import in_model_order, stage_of
from .statistics import NeuronStatistics, StatisticsCounter
from .streaming import Stream, streaming

__all__ = [
    'MODES',
    'EnergyCosts',
    'Equivalence',
    'FiringRateCounter',
    'NeuronStatistics',
    'OperationCounter',
    'Operations',
    'StatisticsCounter',
    'Stream',
    'compare',
    'in_float64',
    'in_model_order',
    'observe',
    'real_inputs',
    'spike_inference',
    'stage_of',
    'streaming',
]
