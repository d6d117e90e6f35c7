"""A trained model that a student learns from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.model import BaseDataPreprocessor
from mmengine.registry import MODELS
from mmengine.runner import CheckpointLoader, load_state_dict
from torch import Tensor, nn

from mmsfa.compat import require_extra
from mmsfa.errors import UserError
from mmsfa.losses import LEARNT_BY_LOSSES, record_outputs
from mmsfa.model_parts import heads_of, is_behind_proposals, to_predict
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
        TeacherError: Its config file or its weights are not there, no weights are named, or they do
            not fit or cannot be fetched (when it is built).
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

    @torch.no_grad()
    def outputs(
        self, names: Iterable[str], inputs: Tensor, preprocessor: BaseDataPreprocessor
    ) -> dict[str, list[Any]]:
        """What modules of the teacher put out for pictures that the student has normalised.

        A model with ``extract_feat`` runs only as far as needed: backbone and neck, and those heads
        on the whole picture that a name belongs to. Any other runs whole.

        Args:
            names: Names of modules in the teacher; ``''`` is the teacher itself.
            inputs: Pictures (N, C, H, W).
            preprocessor: Of the student.

        Returns:
            For each name the outputs of its calls.

        Raises:
            ValueError: The teacher has no such module.
        """
        model: Any = self.model.to(inputs.device)
        pictures = renormalize(inputs, preprocessor, getattr(model, 'data_preprocessor', None))
        with record_outputs(model, names) as found:
            if '' in found or not hasattr(model, 'backbone'):
                model(pictures)
            else:
                maps = model.extract_feat(pictures)
                for path, head in heads_of(model):
                    if not is_behind_proposals(path) and any(_is_in(one, path) for one in found):
                        head(maps)
        return found

    def __deepcopy__(self, memo: dict) -> Teacher:
        """The same teacher: a moving average copies the student for itself."""
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Without the model: what is pickled with a student names its teacher."""
        return {**self.__dict__, '_model': None}

    def _build(self) -> nn.Module:
        cfg, scope = self.cfg, self.scope
        if isinstance(cfg, str):
            file = Config.fromfile(_config_file(cfg))
            scope = file.get('default_scope', scope)
            cfg = dict(to_predict(file.model))
            if cfg.get('data_preprocessor') is None:
                cfg['data_preprocessor'] = file.get('data_preprocessor')
        cfg = dict(cfg)
        if str(cfg.get('type')).endswith('TimmClassifier'):
            require_extra('timm', 'timm')
        if self.checkpoint is not None:
            if '://' not in self.checkpoint and not Path(self.checkpoint).is_file():
                raise TeacherError(
                    f'The checkpoint of the teacher is not there: {self.checkpoint}. Train the '
                    'teacher first, or set teacher_ckpt to where its weights lie.'
                )
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
            checkpoint = CheckpointLoader.load_checkpoint(self.checkpoint, map_location='cpu')
            state = checkpoint.get('state_dict', checkpoint)
            for key in [key for key in state if key.startswith(LEARNT_BY_LOSSES)]:
                del state[key]  # what it learnt with is no part of it
            load_state_dict(model, state, strict=True)
        except RuntimeError as error:
            if isinstance(error, UserError):
                raise
            raise TeacherError(
                f'The checkpoint {self.checkpoint} does not fit the teacher: it must come from the '
                f'model that the config of the teacher describes. {error}'
            ) from None


def _config_file(name: str) -> Path:
    try:
        return find_config(name)
    except FileNotFoundError as error:
        raise TeacherError(f'The config file of the teacher is not there. {error}') from None


def _is_in(name: str, path: str) -> bool:
    return f'{name}.'.startswith(f'{path}.')
