"""What differs between mmdet, mmseg and mmpretrain for the one train.py and the one test.py."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.registry import Registry

from mmsfa.errors import OptionError


@dataclass(frozen=True)
class Scope:
    """Settings of one library.

    Attributes:
        dump: Metric that writes predictions to a pickle file.
        tta_model: Default test-time augmentation.
        draw: Options of the visualization hook that turn drawing on.
        save_dir: Where the picture folder goes: a key of the hook, or of the visualizer.
        maps_to_folder: Whether `--out` may be a folder, which then receives label maps.
        loader: Defaults of every data loader.
        shape: Usual image size (H, W) of the recipes.
        view_keys: What the packing of a view must also tell the merger of the views.
    """

    dump: str
    tta_model: dict
    draw: dict
    save_dir: tuple[str, str]
    shape: tuple[int, int]
    maps_to_folder: bool = False
    loader: dict = field(default_factory=dict)
    view_keys: tuple[str, ...] = ('flip', 'flip_direction')


SCOPES = {
    'mmdet': Scope(
        dump='DumpDetResults',
        tta_model=dict(
            type='DetTTAModel',
            tta_cfg=dict(nms=dict(type='nms', iou_threshold=0.5), max_per_img=100),
        ),
        draw=dict(draw=True),
        save_dir=('hook', 'test_out_dir'),
        shape=(800, 1344),
    ),
    'mmseg': Scope(
        dump='DumpResults',
        tta_model=dict(type='SegTTAModel'),
        draw=dict(draw=True),
        save_dir=('visualizer', 'save_dir'),
        shape=(512, 512),
        maps_to_folder=True,
    ),
    'mmpretrain': Scope(
        dump='DumpResults',
        tta_model=dict(type='AverageClsScoreTTA'),
        draw=dict(enable=True, interval=1),
        save_dir=('hook', 'out_dir'),
        shape=(224, 224),
        loader=dict(collate_fn=dict(type='default_collate')),
        view_keys=(),
    ),
}


# The hooks that mmengine registers by itself, and leaves out where a config says None.
STOCK_HOOKS = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')


def scope_of(cfg: Config) -> Scope:
    """The entry of a config's ``default_scope``.

    Raises:
        OptionError: The config belongs to another library.
    """
    name = cfg.get('default_scope')
    if name not in SCOPES:
        raise OptionError(
            f'The config must set default_scope to one of {", ".join(SCOPES)}, got {name!r}. '
            'Inherit one of configs/_base_/default_runtime_{det,seg,cls}.py.'
        )
    return SCOPES[name]


def set_loader_defaults(cfg: Config) -> None:
    """Fill in what the library's own tools fill in for every data loader."""
    for key in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        if cfg.get(key):
            cfg[key] = ConfigDict({**deepcopy(scope_of(cfg).loader), **cfg[key]})


def switch_hooks_off(cfg: Config) -> None:
    """Take the hooks out of ``default_hooks`` that are None: mmengine does so for its own alone."""
    hooks = cfg.get('default_hooks') or {}
    for name in [name for name, hook in hooks.items() if hook is None and name not in STOCK_HOOKS]:
        del hooks[name]


def class_of(settings: dict, registry: Registry) -> Any:
    """What a config dict builds: its ``type``, or what the registry has under that name.

    Args:
        settings: A config dict; new-style configs hold the class itself.
        registry: Where a name is looked up.

    Returns:
        A class or function; None if there is no type, or the name is not registered.
    """
    kind = settings.get('type')
    return registry.get(kind) if isinstance(kind, str) else kind


def known_class(settings: dict, registry: Registry) -> Any:
    """As `class_of`, looked up in the current scope; None also where its library cannot say.

    Args:
        settings: A config dict.
        registry: Of mmengine, the root of those of all libraries.
    """
    with registry.switch_scope_and_registry(None) as own:
        return class_of(settings, own)
