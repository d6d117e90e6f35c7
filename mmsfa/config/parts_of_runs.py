"""The parts of a config that a Runner builds, each with the keys that it takes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from mmengine.config import Config
from mmengine.registry import (
    DATA_SAMPLERS,
    DATASETS,
    EVALUATOR,
    HOOKS,
    LOG_PROCESSORS,
    LOOPS,
    METRICS,
    OPTIM_WRAPPER_CONSTRUCTORS,
    OPTIM_WRAPPERS,
    OPTIMIZERS,
    PARAM_SCHEDULERS,
    TRANSFORMS,
    VISUALIZERS,
    Registry,
)
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmsfa.model_parts import members

from .accepted_keys import Accepted, accepted_by, words_of
from .scopes import STOCK_HOOKS, known_class
from .walk import walk

Part = tuple[str, dict, Accepted]

# Read by `Runner` out of dictionaries that build nothing.
_PLAIN = dict(
    auto_scale_lr=('enable', 'base_batch_size'),
    env_cfg=('cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'),
)
_DEFAULTS = dict(val_cfg='ValLoop', test_cfg='TestLoop', log_processor='LogProcessor')


def parts_of_run(cfg: Config) -> Iterator[Part]:
    """(key, settings, keys that it takes) of each part but the model, as far as it is known.

    Args:
        cfg: The whole config, whose scope is the current one.
    """
    for key, names in _PLAIN.items():
        if isinstance(cfg.get(key), dict):
            yield key, cfg[key], Accepted(frozenset(names), False, frozenset())
    if isinstance(cfg.get('randomness'), dict):
        yield 'randomness', cfg.randomness, accepted_by(Runner.set_randomness)
    yield from _loops(cfg)
    for split in ('train', 'val', 'test'):
        yield from _loader(f'{split}_dataloader', cfg.get(f'{split}_dataloader'))
        evaluator = cfg.get(f'{split}_evaluator')
        yield from _built(f'{split}_evaluator', evaluator, METRICS)
    yield from _optimization(cfg)
    yield from _built('param_scheduler', cfg.get('param_scheduler'), PARAM_SCHEDULERS, _ITERS)
    yield from _hooks(cfg)
    yield from _built('visualizer', cfg.get('visualizer'), VISUALIZERS)


_OF_LOADERS = ('num_batch_per_epoch', 'disable_subprocess_warning')
_ITERS = 'convert_to_iter_based'
_OF_DATASETS = dict(
    filter_cfg=('filter_empty_gt', 'min_size', 'bbox_min_size'), metainfo=('classes', 'palette')
)


def _built(key: str, value: Any, registry: Registry, *more: str, default: Any = None) -> Iterator:
    """One part, or each of a list of them, whose class the registry knows."""
    several = isinstance(value, (list, tuple))
    for number, settings in enumerate(members(value)):
        if not isinstance(settings, dict):
            continue
        kind = known_class({'type': default, **settings}, registry)
        if kind is None and registry is METRICS:
            kind = known_class(settings, EVALUATOR)
        if inspect.isclass(kind) or inspect.isfunction(kind):
            yield f'{key}.{number}' if several else key, settings, accepted_by(kind, *more)


def _loops(cfg: Config) -> Iterator[Part]:
    train = cfg.get('train_cfg')
    if isinstance(train, dict):
        by_epoch = train.get('by_epoch', True)
        default = 'EpochBasedTrainLoop' if by_epoch else 'IterBasedTrainLoop'
        yield from _built('train_cfg', train, LOOPS, 'by_epoch', default=default)
    for key in ('val_cfg', 'test_cfg'):
        yield from _built(key, cfg.get(key), LOOPS, default=_DEFAULTS[key])
    key = 'log_processor'
    yield from _built(key, cfg.get(key), LOG_PROCESSORS, default=_DEFAULTS[key])


def _loader(key: str, loader: Any) -> Iterator[Part]:
    if not isinstance(loader, dict):
        return
    yield key, loader, accepted_by(DataLoader, *_OF_LOADERS)
    for sampler in ('sampler', 'batch_sampler'):
        yield from _built(f'{key}.{sampler}', loader.get(sampler), DATA_SAMPLERS)
    for path, node in walk(loader.get('dataset'), f'{key}.dataset'):
        last = path.rpartition('.')[2]
        if last == 'dataset' or '.datasets.' in f'.{path.rpartition(".")[0]}.':
            if isinstance(node, dict) and 'pipeline' not in path:
                yield from _built(path, node, DATASETS, 'lazy_init')
                yield from _read_by_datasets(path, node)
        elif last == 'pipeline' and isinstance(node, (list, tuple)):
            yield from _built(path, node, TRANSFORMS)


def _read_by_datasets(key: str, settings: dict) -> Iterator[Part]:
    """What data sets read out of dictionaries of any keys; one's own may read more."""
    kind = known_class(settings, DATASETS)
    for name, names in _OF_DATASETS.items():
        if kind is not None and isinstance(settings.get(name), dict):
            accepted = Accepted(frozenset(names), True, words_of(kind))
            yield f'{key}.{name}', settings[name], accepted


def _optimization(cfg: Config) -> Iterator[Part]:
    wrapper = cfg.get('optim_wrapper')
    if not isinstance(wrapper, dict) or not isinstance(wrapper.get('optimizer'), dict):
        return  # one for each of several optimizers, as their constructor wants it
    taken = ('constructor', 'paramwise_cfg')
    yield from _built('optim_wrapper', wrapper, OPTIM_WRAPPERS, *taken, default='OptimWrapper')
    yield from _built('optim_wrapper.optimizer', wrapper['optimizer'], OPTIMIZERS)
    constructor = wrapper.get('constructor', 'DefaultOptimWrapperConstructor')
    kind = known_class(dict(type=constructor), OPTIM_WRAPPER_CONSTRUCTORS)
    special = wrapper.get('paramwise_cfg')
    if kind is None or not isinstance(special, dict):
        return
    read = Accepted(words_of(kind), False, frozenset())
    yield 'optim_wrapper.paramwise_cfg', special, read
    # What it does not know is put beside the weights, where an optimizer or a hook may read it.
    handed_on = Accepted(frozenset({'lr_mult', 'decay_mult'}), True, words_of(kind))
    for name, settings in (special.get('custom_keys') or {}).items():
        if isinstance(settings, dict):
            yield f'optim_wrapper.paramwise_cfg.custom_keys.{name}', settings, handed_on


def _hooks(cfg: Config) -> Iterator[Part]:
    hooks = cfg.get('default_hooks') or {}
    # Settings without a type belong to a hook that is there already, under another name.
    nameless = {
        name for name, hook in hooks.items() if isinstance(hook, dict) and not hook.get('type')
    }
    known = frozenset(hooks) - nameless | frozenset(STOCK_HOOKS)
    yield 'default_hooks', hooks, Accepted(known, False, frozenset())
    for name, hook in hooks.items():
        yield from _built(f'default_hooks.{name}', hook, HOOKS, 'priority')
    yield from _built('custom_hooks', cfg.get('custom_hooks'), HOOKS, 'priority')
