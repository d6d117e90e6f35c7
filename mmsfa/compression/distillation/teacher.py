"""A trained model that a student learns from."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.config import Config
from mmengine.model import BaseDataPreprocessor
from mmengine.registry import MODELS
from mmengine.runner.checkpoint import load_checkpoint
from torch import Tensor, nn

from mmsfa.compat import require_extra
from mmsfa.errors import UserError
from mmsfa.shipped import find_config

from .normalization import renormalize


class TeacherError(UserError, RuntimeError):
    """The teacher cannot be built as the config asks."""


class Teacher:
    """A frozen model in evaluation mode that is no part of the student.

    It is no ``nn.Module``: nothing of it reaches the student's parameters, state dict, training
    mode, optimizer, moving average or DDP. It is built when training begins, so that a test of the
    student needs neither the teacher's weights nor its packages, and it follows the pictures to
    their device.

    Args:
        cfg: Config of the model (of any library), or the path of a config file; a shipped one is
            found from any folder. Its ``data_preprocessor`` says how the teacher normalises
            pictures; without one it gets them as the student does.
        checkpoint: Path or URL of its weights. Without one the config must name some:
            ``init_cfg``, or ``pretrained`` of timm.
        scope: Library in which bare type names are looked up; a config file names its own.

    Shape:
        - Input: (N, C, H, W), pictures as the student's preprocessor gives them.
        - Output: what the model's ``forward(inputs)`` gives: of a classifier the scores (N, K).

    Raises:
        TeacherError: No weights are named, or they do not fit or cannot be fetched (when it is
            built).
        StackError: timm is needed and not installed (when it is built).
    """

    def __init__(
        self, cfg: dict | str, checkpoint: str | None = None, scope: str | None = None
    ) -> None:
        self.cfg = cfg
        self.checkpoint = checkpoint
        self.scope = scope
        self._model: nn.Module | None = None

    @property
    def model(self) -> nn.Module:
        """The model, which is built at the first call."""
        if self._model is None:
            self._model = self._build().eval().requires_grad_(False)
        return self._model

    @torch.no_grad()
    def __call__(self, inputs: Tensor, preprocessor: BaseDataPreprocessor) -> Any:
        """What the model says to pictures that the student's preprocessor has normalised."""
        model = self.model.to(inputs.device)
        own = getattr(model, 'data_preprocessor', None)
        return model(renormalize(inputs, preprocessor, own))

    def __deepcopy__(self, memo: dict) -> Teacher:
        """The same teacher: a moving average copies the student for itself."""
        return self

    def _build(self) -> nn.Module:
        cfg, scope = self.cfg, self.scope
        if isinstance(cfg, str):
            file = Config.fromfile(find_config(cfg))
            scope = file.get('default_scope', scope)
            cfg = dict(file.model)
            if cfg.get('data_preprocessor') is None:
                cfg['data_preprocessor'] = file.get('data_preprocessor')
        cfg = dict(cfg)
        if str(cfg.get('type')).endswith('TimmClassifier'):
            require_extra('timm', 'timm')
        if self.checkpoint is not None:
            cfg.update({key: None for key in ('init_cfg', 'pretrained') if key in cfg})
        elif not (cfg.get('init_cfg') or cfg.get('pretrained')):
            raise TeacherError(
                'A teacher must be trained, but its config names no weights: set teacher_ckpt to '
                'its checkpoint (or init_cfg in its config, or pretrained=True of timm).'
            )
        with MODELS.switch_scope_and_registry(scope) as registry:
            try:
                model = registry.build(cfg)
            except OSError as error:  # what timm raises without a network
                raise TeacherError(
                    f'The weights of the teacher could not be fetched ({type(error).__name__}: '
                    f'{str(error).splitlines()[0]}). Set teacher_ckpt to a file that holds them.'
                ) from error
            if cfg.get('init_cfg'):
                model.init_weights()
        if self.checkpoint is not None:
            self._load(model)
        return model

    def _load(self, model: nn.Module) -> None:
        try:
            load_checkpoint(model, self.checkpoint, map_location='cpu', strict=True)
        except RuntimeError as error:
            if isinstance(error, UserError):
                raise
            raise TeacherError(
                f'The checkpoint {self.checkpoint} does not fit the teacher: it must come from the '
                f'model that the config of the teacher describes. {error}'
            ) from None
