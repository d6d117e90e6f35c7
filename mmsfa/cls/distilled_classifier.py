"""A classifier that learns from labels and from a teacher."""

from __future__ import annotations

from typing import Any, Literal

from mmpretrain.models.classifiers import ImageClassifier
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor

from mmsfa.compression.distillation import LogitDistillationLoss, Teacher
from mmsfa.losses import WithAuxiliaryLosses

KDType = Literal['hard', 'soft']


@MODELS.register_module()
class DistilledImageClassifier(WithAuxiliaryLosses, ImageClassifier):
    r"""mmpretrain's ``ImageClassifier`` with a :class:`LogitDistillationLoss`.

    .. math:: L = (1 - \alpha) L_\mathrm{labels} + \alpha L_\mathrm{teacher}

    With a :class:`DistilledLinearClsHead` either head has its own of the two losses; an ordinary
    head gets both. The teacher sees the pictures of the student, after mixup and cutmix, and is no
    part of the checkpoint: a trained student loads into an ``ImageClassifier``, too.

    Args:
        *args: Arguments of ``ImageClassifier``.
        teacher: Config of the teacher's model, or the path of its config file, see
            :class:`mmsfa.compression.distillation.Teacher`; None trains with the labels alone.
        teacher_ckpt: Path or URL of the teacher's weights, unless its config names them.
        kd_type: ``'hard'`` learns the class that the teacher prefers, ``'soft'`` its whole
            distribution.
        kd_alpha: Weight of the teacher's loss, 0..1.
        kd_tau: Temperature of the soft loss.
        losses: Further auxiliary losses by name, see :func:`mmsfa.losses.add_auxiliary_losses`.
        **kwargs: Arguments of ``ImageClassifier``.

    Shape:
        As ``ImageClassifier``: pictures (N, C, H, W) in, scores (N, K) out.

    Raises:
        ValueError: A setting is out of its range.
    """

    def __init__(
        self,
        *args: Any,
        teacher: dict | str | None = None,
        teacher_ckpt: str | None = None,
        kd_type: KDType = 'hard',
        kd_alpha: float = 0.5,
        kd_tau: float = 1.0,
        losses: dict[str, dict] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        if kd_type not in ('hard', 'soft'):
            raise ValueError(f"kd_type must be 'hard' or 'soft', got {kd_type!r}.")
        if not 0 <= kd_alpha <= 1:
            raise ValueError(f'kd_alpha (a share of the loss) must lie in 0..1, got {kd_alpha!r}.')
        if not kd_tau > 0:
            raise ValueError(f'kd_tau (a temperature) must be greater than 0, got {kd_tau!r}.')
        self.kd_type = kd_type
        self.kd_alpha = kd_alpha
        self.kd_tau = kd_tau
        self.attach_losses({})
        if teacher is not None:
            loss = LogitDistillationLoss(
                teacher, teacher_ckpt, kd_type, kd_tau, scope='mmpretrain', weight=kd_alpha
            )
            self.attach_losses({'kd': loss})
        self.attach_losses(losses or {})

    @property
    def teacher(self) -> Teacher | None:
        """The model that it learns from."""
        if 'kd' not in self.auxiliary_losses:
            return None
        loss: Any = self.auxiliary_losses['kd']
        return loss.teacher

    def init_weights(self) -> None:
        """Initialise the student, and build the teacher now: a test never comes here."""
        # First, with the random numbers of the published runs: what follows draws the same.
        super(WithAuxiliaryLosses, self).init_weights()
        if self.teacher is not None:
            _ = self.teacher.model
        self.prepare_losses()

    def own_losses(self, inputs: Tensor, data_samples: list[DataSample]) -> dict[str, Tensor]:
        """The loss of the labels: ``loss_cls``, already weighted; without a teacher the head's.

        Args:
            inputs: Pictures (N, C, H, W), normalised and mixed.
            data_samples: Their labels.
        """
        feats = self.extract_feat(inputs)
        if self.teacher is None:
            return self.head.loss(feats, data_samples)
        if hasattr(self.head, 'forward_heads'):
            scores, _ = self.head.forward_heads(feats)  # the teacher's loss watches the second
            losses = self.head._get_loss(scores, data_samples)
        else:
            losses = self.head.loss(feats, data_samples)
        losses['loss_cls'] = (1 - self.kd_alpha) * losses.pop('loss')
        return losses
