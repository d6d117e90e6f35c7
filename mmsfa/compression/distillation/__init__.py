"""Learning from a trained model, as auxiliary losses of any student."""

from .features import FeatureDistillationLoss
from .logits import LogitDistillationLoss
from .losses import hard_distillation_loss, sigmoid_distillation_loss, soft_distillation_loss
from .score_modules import score_module_of
from .teacher import Teacher, TeacherError

__all__ = [
    'FeatureDistillationLoss',
    'LogitDistillationLoss',
    'Teacher',
    'TeacherError',
    'hard_distillation_loss',
    'score_module_of',
    'sigmoid_distillation_loss',
    'soft_distillation_loss',
]
