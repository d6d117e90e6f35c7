"""Fewer channels: what a channel is worth, which go together, and models without the others."""

from .collect import ScoreCollector, collect
from .criteria import CRITERIA
from .narrow import build_pruned, narrow_to, widths_of
from .plan import Plan, masked
from .prune import apply_plan, check_plan, plan_pruning
from .scores import singular_value_score
from .widths import PruningError, kept_channels, width_after

__all__ = [
    'CRITERIA',
    'Plan',
    'PruningError',
    'ScoreCollector',
    'apply_plan',
    'build_pruned',
    'check_plan',
    'collect',
    'kept_channels',
    'masked',
    'narrow_to',
    'plan_pruning',
    'singular_value_score',
    'width_after',
    'widths_of',
]
