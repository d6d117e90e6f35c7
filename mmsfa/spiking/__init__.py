"""Look at spiking models from outside: firing, operations, energy, spike-driven inference."""

from .equivalence import Equivalence, compare
from .inference.float64 import in_float64
from .inference.spike_inference import MODES, spike_inference
from .inference.streaming import Stream, streaming
from .measure.energy import EnergyCosts
from .measure.firing_rate import FiringRateCounter
from .measure.observer import observe
from .measure.operations import OperationCounter, Operations
from .measure.stages import in_model_order, stage_of
from .measure.statistics import NeuronStatistics, StatisticsCounter
from .real_inputs import real_inputs

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
