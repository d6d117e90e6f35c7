"""Learning from a trained model; independent of what is learnt."""

from .losses import hard_distillation_loss, soft_distillation_loss
from .teacher import Teacher, TeacherError

__all__ = ['Teacher', 'TeacherError', 'hard_distillation_loss', 'soft_distillation_loss']
