"""Learn the scores of a teacher."""

from __future__ import annotations

from typing import Any, Literal

import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor, nn

from mmsfa.losses import AuxiliaryLoss, Batch

from .losses import hard_distillation_loss, sigmoid_distillation_loss, soft_distillation_loss
from .score_modules import score_module_of
from .teacher import Teacher

Kind = Literal['hard', 'soft', 'sigmoid']


@MODELS.register_module()
class LogitDistillationLoss(AuxiliaryLoss):
    """The student's scores follow those of a teacher, over the picture as a whole or each place.

    Args:
        teacher: Config of its model, or the path of its config file, see :class:`Teacher`.
        teacher_ckpt: Path or URL of its weights, unless its config names them.
        kind: ``'hard'``: cross entropy with the class that the teacher prefers; ``'soft'``:
            divergence from its distribution; ``'sigmoid'``: the same of each score by itself, for
            the heads of dense detectors.
        tau: Temperature of the last two.
        module: Name of the module that gives the student's scores; None finds it, see
            :func:`score_module_of`.
        teacher_module: The same of the teacher; None takes ``module`` if that is given and the
            teacher has it, else finds it.
        scope: Library in which bare type names of the teacher are looked up; None takes the
            student's.
        weight: Factor of the loss.

    Shape:
        Scores (N, K) or (N, K, H, W). Where the teacher's maps have another size they are resized
        to the student's. A module that runs several times, on the levels of a pyramid, gives the
        mean over them.

    Raises:
        ValueError: A setting is out of its range, or the scores of both do not fit together.
    """

    def __init__(
        self,
        teacher: dict | str,
        teacher_ckpt: str | None = None,
        kind: Kind = 'soft',
        tau: float = 1.0,
        module: str | None = None,
        teacher_module: str | None = None,
        scope: str | None = None,
        weight: float = 1.0,
    ) -> None:
        super().__init__(weight)
        if kind not in ('hard', 'soft', 'sigmoid'):
            raise ValueError(f"kind must be 'hard', 'soft' or 'sigmoid', got {kind!r}.")
        if not tau > 0:
            raise ValueError(f'tau (a temperature) must be greater than 0, got {tau!r}.')
        self.kind = kind
        self.tau = tau
        self.module = module
        self.teacher_module = teacher_module
        self._module_is_given = module is not None
        self.teacher = Teacher(teacher, teacher_ckpt, scope)

    def check(self, model: nn.Module) -> None:
        """Find the student's scores, and refuse a kind that they are not made for."""
        if self.module is None:
            self.module = score_module_of(model)
        owner = dict(model.named_modules()).get(self.module.rpartition('.')[0])
        if getattr(owner, 'use_sigmoid_cls', False) and self.kind != 'sigmoid':
            raise ValueError(
                f'The scores of {self.module} go through a sigmoid, each by itself: '
                f"LogitDistillationLoss needs kind='sigmoid' there, got {self.kind!r}."
            )

    def prepare(self) -> None:
        """Read the teacher, and find its scores."""
        self._teacher_scores()

    def _teacher_scores(self) -> str:
        if self.teacher_module is None:
            model = self.teacher.model
            if self._module_is_given and self._scores() in dict(model.named_modules()):
                self.teacher_module = self._scores()
            else:
                self.teacher_module = score_module_of(model, learns=False)
        return self.teacher_module

    def watched(self, model: nn.Module) -> list[str]:
        """The module that gives the scores."""
        return [self._scores()]

    def _scores(self) -> str:
        if self.module is None:
            raise ValueError(
                'LogitDistillationLoss does not know the scores of its student: add it to a model '
                'with AuxiliaryLosses, or name module=.'
            )
        return self.module

    def forward(self, outputs: dict[str, list[Any]], batch: Batch) -> Tensor:
        """The loss of one step."""
        scores = outputs[self._scores()]
        name = self._teacher_scores()
        seen = self.teacher.outputs([name], batch.inputs, batch.model.data_preprocessor)[name]
        if len(scores) != len(seen) or not scores:
            raise ValueError(
                f'{self.module} of the student ran {len(scores)} times and {name or "the model"} '
                f'of the teacher {len(seen)} times: they must score the same levels.'
            )
        losses = [self._of(one, other) for one, other in zip(scores, seen, strict=True)]
        return losses[0] if len(losses) == 1 else sum(losses[1:], losses[0]) / len(losses)

    def _of(self, scores: Tensor, teacher_scores: Tensor) -> Tensor:
        size = scores.shape[2:]
        if scores.dim() == teacher_scores.dim() == 4 and size != teacher_scores.shape[2:]:
            teacher_scores = F.interpolate(teacher_scores, size, mode='bilinear')
        if self.kind == 'hard':
            return hard_distillation_loss(scores, teacher_scores)
        if self.kind == 'sigmoid':
            return sigmoid_distillation_loss(scores, teacher_scores, self.tau)
        return soft_distillation_loss(scores, teacher_scores, self.tau)
