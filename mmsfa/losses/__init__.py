"""Losses that are added to those of any mmdet, mmseg or mmpretrain model."""

from .auxiliary_loss import AuxiliaryLoss, Batch
from .firing_rate import FiringRateLoss
from .level_entropy import LevelEntropyLoss
from .of_neurons import NeuronLoss
from .recorder import record_outputs
from .with_losses import LEARNT_BY_LOSSES, WithAuxiliaryLosses, add_auxiliary_losses

__all__ = [
    'LEARNT_BY_LOSSES',
    'AuxiliaryLoss',
    'Batch',
    'FiringRateLoss',
    'LevelEntropyLoss',
    'NeuronLoss',
    'WithAuxiliaryLosses',
    'add_auxiliary_losses',
    'record_outputs',
]
