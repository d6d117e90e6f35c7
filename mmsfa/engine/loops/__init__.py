"""Training loops that survive an interruption; registered at mmengine's root."""

from .epoch_loop import ResumableEpochBasedTrainLoop
from .iter_loop import ResumableIterBasedTrainLoop

__all__ = ['ResumableEpochBasedTrainLoop', 'ResumableIterBasedTrainLoop']
