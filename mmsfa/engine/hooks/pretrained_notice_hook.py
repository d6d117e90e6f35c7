"""Say once where the weights come from."""

from __future__ import annotations

import logging
from pathlib import Path

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import BaseLoop, Runner
from safetensors import safe_open
from torch import nn

from mmsfa.checkpoint.loading.whole_model import load_whole
from mmsfa.compression.quantization import refuse_packed
from mmsfa.engine.plain_model import plain_model
from mmsfa.neurons.weight_settings import warn_of_unread


@HOOKS.register_module()
class PretrainedNoticeHook(Hook):
    """Logs before training whether the backbone starts from a checkpoint or from scratch.

    Of a checkpoint it says where its weights were those of a quantised or spiking layer and the
    model has an ordinary one, and refuses packed weights that the model cannot unpack and, in a
    test, weights that are not those of the whole model.
    """

    priority = 'VERY_LOW'

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare what the file says of its weights with the model that will get them.

        Raises:
            PackedWeightError: They are packed, and the model has no such quantised layer.
            OptionError: A test would run with a part of the model's weights.
        """
        model, state_dict = plain_model(runner), checkpoint.get('state_dict', checkpoint)
        refuse_packed(model, state_dict)
        warn_of_unread(model, state_dict)
        if not isinstance(runner._train_loop, BaseLoop):  # a training may leave heads new
            load_whole(model, state_dict, str(runner._load_from))

    def before_train(self, runner: Runner) -> None:
        """Log one line."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        backbone = getattr(model, 'backbone', model)
        source = self._source(runner, backbone)
        self._refuse_packed_start(backbone)
        if source:
            print_log(f'Training starts from {source}.', logger='current')
            return
        print_log(
            'Training starts from scratch: no pre-trained weights are set. To use some, set '
            "`pretrained` in the config to a converted checkpoint (or the backbone's `init_cfg`, "
            'or `load_from`).',
            logger='current',
            level=logging.WARNING,
        )
        fixed = _fixed(backbone)
        if fixed:
            print_log(
                f'{" and ".join(fixed)} of the backbone keep random weights, or the mean 0 and the '
                'deviation 1 of an untrained BN, for the whole training: maps may grow without a '
                'bound, and little is learnt. They are for pre-trained weights; without them leave '
                'them out.',
                logger='current',
                level=logging.WARNING,
            )

    @staticmethod
    def _refuse_packed_start(backbone: nn.Module) -> None:
        """Refuse packed weights in ``init_cfg``, which mmengine has read already, but for these."""
        for entry in _starts(backbone):
            path, prefix = str(entry.get('checkpoint')), entry.get('prefix', '')
            if path.endswith('.safetensors') and Path(path).is_file():
                with safe_open(path, 'pt') as file:
                    keys = [key for key in file.keys() if key.startswith(prefix)]  # noqa: SIM118
                refuse_packed(backbone, [key.removeprefix(prefix) for key in keys])

    @staticmethod
    def _source(runner: Runner, backbone: object) -> str | None:
        if runner.iter > 0:
            return f'iteration {runner.iter} of a resumed run'
        if runner._load_from:
            return f'load_from={runner._load_from}'
        for entry in _starts(backbone):
            return f'a pre-trained backbone, {entry.get("checkpoint")}'
        return None


def _starts(backbone: object) -> list[dict]:
    """The entries of ``init_cfg`` that read weights."""
    init_cfg = getattr(backbone, 'init_cfg', None) or []
    entries = init_cfg if isinstance(init_cfg, (list, tuple)) else [init_cfg]
    return [entry for entry in entries if entry.get('type') == 'Pretrained']


def _fixed(backbone: object) -> list[str]:
    """The settings of a backbone, of any mm library, that let a part of it stay as it is."""
    frozen, norm_eval = (
        getattr(backbone, 'frozen_stages', -1),
        getattr(backbone, 'norm_eval', False),
    )
    found = [f'frozen_stages={frozen}'] if isinstance(frozen, int) and frozen >= 0 else []
    return found + (['norm_eval=True'] if norm_eval is True else [])
