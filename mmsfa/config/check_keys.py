"""Refuse settings that nothing reads: a misspelt one would be merged and change nothing."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator

from mmengine.config import Config
from mmengine.registry import DATASETS, RUNNERS
from mmengine.runner import Runner

from mmsfa.errors import OptionError

from .accepted_keys import nearest
from .parts_of_models import parts_of_model
from .parts_of_runs import parts_of_run
from .scopes import SCOPES
from .walk import walk

# Read by Runners out of the whole config, by tools, by Inferencers, or by mmengine as it loads.
_TOP = frozenset(
    {
        'activation_checkpointing',
        'auto_scale_lr',
        'check_model',
        'compile',
        'custom_imports',
        'data_root',
        'default_scope',
        'efficient_conv_bn_eval',
        'find_unused_parameters',
        'fp16',
        'gpu_ids',
        'kfold_split_seed',
        'model_wrapper_cfg',
        'pretrained',
        'quantization',
        'runner_type',
        'strategy',
        'sync_bn',
        'test_pipeline',
        'tta_model',
        'tta_pipeline',
    }
)
# Variables of most configs, although they are spelt much like a setting.
_VARIABLES = ('train_pipeline', 'val_pipeline')
_MOST = 3  # settings in one message


def check_keys(cfg: Config, options: Iterable[str] = (), before: Iterable[str] = ()) -> None:
    """Look at every key of a config that somebody must know.

    A config may hold variables of its own, which went into other settings while it was read: those
    are refused only if they went nowhere and are spelt like a setting. The same name from the
    command line is refused always, because it comes too late.

    Args:
        cfg: The whole config.
        options: Keys that ``--cfg-options`` has changed, such as ``model.backbone.D``.
        before: The top-level keys that the config had before.

    Raises:
        OptionError: Names what nobody reads, and the name that is nearest to it.
    """
    found = list(dict.fromkeys([*_late(cfg, options, set(before)), *_unknown(cfg)]))
    if found:
        more = f'; and {len(found) - _MOST} more' if len(found) > _MOST else ''
        raise OptionError(
            f'{"; ".join(found[:_MOST])}{more}. Mend it, or keep it with --allow-unknown.'
        )


def _top(cfg: Config) -> frozenset[str]:
    """The settings at the top of a config."""
    runner = RUNNERS.get(cfg.get('runner_type') or 'Runner') or Runner
    names = {name for kind in (Runner, runner) for name in inspect.signature(kind).parameters}
    return _TOP | names - {'cfg'}


def _late(cfg: Config, options: Iterable[str], before: set[str]) -> Iterator[str]:
    known = _top(cfg)
    for option in options:
        name = option.partition('.')[0]
        if name in known or name.startswith('_'):
            continue
        if name not in before:
            yield _sentence(f'--cfg-options {option}', name, known)
        else:
            users = [
                path
                for path, _ in walk(dict(cfg.items()))
                if path.rpartition('.')[2] == name != path
            ]
            where = f' (perhaps {" or ".join(users[:2])})' if users else ''
            yield (
                f'--cfg-options {option} comes too late, because {name} is a variable that the '
                f'config used while it was read: change the settings that it went into{where}'
            )


def _unknown(cfg: Config) -> Iterator[str]:
    known = _top(cfg)
    for name, value in cfg.items():
        if name in known or name.startswith('_') or callable(value) or inspect.ismodule(value):
            continue
        if name not in _VARIABLES and nearest(name, known) and _is_unused(name, cfg.text):
            yield _sentence(name, name, known)
    scope = cfg.get('default_scope')
    if scope not in SCOPES:
        return
    with DATASETS.switch_scope_and_registry(scope):  # imports the library, too
        parts = [*parts_of_run(cfg)]
        if isinstance(cfg.get('model'), dict):
            parts += parts_of_model(cfg.model)
    for path, settings, accepted in parts:
        for key in settings:
            if isinstance(key, str) and accepted.refuses(key):
                yield _sentence(f'{path}.{key}', key, [*settings, *accepted.names], key)


def _is_unused(name: str, text: str) -> bool:
    """Whether the text of a config, with that of its bases, sets a name and never reads it."""
    word = re.escape(name)
    sets = re.findall(rf'^\s*["\']?{word}["\']?\s*(?:=(?!=)|:)', text, re.MULTILINE)
    return 0 < len(sets) == len(re.findall(rf'\b{word}\b', text))


def _sentence(what: str, key: str, names: Iterable[str], itself: str = '') -> str:
    meant = nearest(key, [name for name in names if name != itself])
    return f'{what} is a setting that nobody knows' + (f' (did you mean {meant}?)' if meant else '')
