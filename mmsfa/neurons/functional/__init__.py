"""The only definition of firing in mmsfa: pure functions on tensors."""

import warnings

from .checks import (
    GradMask,
    GradRange,
    Rounding,
    check_grad_mask,
    check_levels,
    check_time,
    is_exporting,
)
from .integer_ternary import halved, integer_ternary_over_time
from .level_entropy import level_entropy
from .lif import BinaryDynamics, binary_fire_one_step, binary_fire_over_time
from .saccadic import causal_mix, decoupled_threshold, initial_mix
from .sfa import integer_fire, integer_fire_one_step, integer_fire_over_time
from .spike_code import (
    integrate_one_step,
    level_shifts,
    simulate_if_neuron,
    spike_train,
    spikes_at,
    sum_spikes,
)
from .state_hooks import StateHooks, hooked_fire_one_step, hooked_fire_over_time
from .straight_through import straight_through
from .surrogate import SpikeSurrogate, check_surrogate, surrogate_derivative
from .ternary import ternary_fire_one_step, ternary_fire_over_time, ternary_spikes

__all__ = [
    'BinaryDynamics',
    'GradMask',
    'GradRange',
    'Rounding',
    'SpikeSurrogate',
    'StateHooks',
    'binary_fire_one_step',
    'binary_fire_over_time',
    'causal_mix',
    'check_grad_mask',
    'check_levels',
    'check_surrogate',
    'check_time',
    'decoupled_threshold',
    'halved',
    'hooked_fire_one_step',
    'hooked_fire_over_time',
    'initial_mix',
    'integer_fire',
    'integer_fire_one_step',
    'integer_fire_over_time',
    'integer_ternary_over_time',
    'integrate_one_step',
    'is_exporting',
    'level_entropy',
    'level_shifts',
    'simulate_if_neuron',
    'spike_train',
    'spikes_at',
    'straight_through',
    'sum_spikes',
    'surrogate_derivative',
    'ternary_fire_one_step',
    'ternary_fire_over_time',
    'ternary_spikes',
]


def __getattr__(name: str) -> object:
    if name == 'Surrogate':
        warnings.warn('Surrogate is now GradRange.', DeprecationWarning, stacklevel=2)
        return GradRange
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
