"""Let ``--cfg-options`` change the two variables at the top of a config that others depend on.

A config computes ``data_root + 'annotations/x.json'`` or ``init_cfg`` while it is read, so a later
change of the variable alone would reach nothing.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from mmengine.config import Config

from mmsfa.errors import OptionError
from mmsfa.model_parts import bare_model

_USERS = ('dataloader', 'evaluator')


def merge_options(cfg: Config, options: dict[str, Any]) -> None:
    """Merge command-line options; ``data_root`` and ``pretrained`` reach all that they concern.

    Args:
        cfg: Config as it was read.
        options: What ``--cfg-options`` gave.

    Raises:
        OptionError: One of the two has a value that cannot be used, or nothing uses it; or an
            option is both a value and the settings below it.
    """
    old_root = cfg.get('data_root')
    _refuse_settings_of_a_value(options)
    cfg.merge_from_dict(options)
    if old_root and cfg.data_root != old_root:
        if not isinstance(cfg.data_root, str):
            raise OptionError(f'data_root must be a folder, got {cfg.data_root!r}.')
        users = [key for key in cfg if key.endswith(_USERS)]
        before = repr([cfg[key] for key in users])
        for key in users:
            cfg[key] = _moved(cfg[key], old_root, cfg.data_root)
        same_folder = PurePath(cfg.data_root) == PurePath(old_root)
        if repr([cfg[key] for key in users]) == before and not same_folder:
            raise OptionError(
                f'--cfg-options data_root moved nothing: no data set of the config lies in its '
                f'data_root {old_root!r}. Set train_dataloader.dataset.data_root and the others.'
            )
    if 'pretrained' in options:
        model = bare_model(cfg.model)
        if 'backbone' not in model:
            raise OptionError('--cfg-options pretrained needs a model with a backbone, got none.')
        model.backbone.init_cfg = dict(
            type='Pretrained', checkpoint=cfg.pretrained, prefix='backbone.'
        )


def _refuse_settings_of_a_value(options: dict[str, Any]) -> None:
    for key, value in options.items():
        below = next((other for other in options if other.startswith(f'{key}.')), None)
        if below and not isinstance(value, (dict, list, tuple)):
            raise OptionError(
                f'--cfg-options sets {key}={value!r} and {below}, which is a setting of a dict: '
                f'write {key} as settings, too.'
            )


def _moved(value: Any, old: str, new: str) -> Any:
    """Replace the folder `old` by `new` in every path below a setting."""
    if isinstance(value, dict):
        for key in value:
            value[key] = _moved(value[key], old, new)
    elif isinstance(value, (list, tuple)):
        return type(value)(_moved(one, old, new) for one in value)
    elif isinstance(value, str) and value and PurePath(value).is_relative_to(old):
        inside = PurePath(value).relative_to(old)
        return f'{new.rstrip("/")}/{inside}' if '://' in new else str(PurePath(new, inside))
    return value
