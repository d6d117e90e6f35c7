"""What tools/test.py can do with predictions, set up in the config as each library wants it."""

from __future__ import annotations

import logging
from copy import deepcopy

from mmengine.config import Config, ConfigDict
from mmengine.logging import print_log

from mmsfa.errors import OptionError
from mmsfa.model_parts import REGION_STAGE, bare_model

from .scopes import scope_of
from .walk import with_pipeline

_FLIPS = [[dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)]]


def enable_drawing(cfg: Config, show: bool, show_dir: str | None, wait_time: float) -> None:
    """Turn the visualization hook on.

    Raises:
        OptionError: The config has no visualization hook.
    """
    hook = cfg.get('default_hooks', {}).get('visualization')
    if not hook:
        raise OptionError(
            '--show and --show-dir need default_hooks.visualization in the config, and it has '
            'none. Inherit one of configs/_base_/default_runtime_{det,seg,cls}.py.'
        )
    scope = scope_of(cfg)
    hook.update(scope.draw)
    if show:
        hook.update(show=True, wait_time=wait_time)
    if show_dir:
        place, key = scope.save_dir
        (hook if place == 'hook' else cfg.visualizer)[key] = show_dir
    _keep_apart(cfg)


def _keep_apart(cfg: Config) -> None:
    """Sub-folders where pictures of several folders may share a name."""
    hooks = list(cfg.get('custom_hooks') or [])
    if not any(hook.get('type') == 'OutputsApartHook' for hook in hooks):
        cfg.custom_hooks = [*hooks, dict(type='OutputsApartHook')]


def enable_output(cfg: Config, out: str) -> None:
    """Write predictions: a pickle file of all of them, or for segmentation a folder of maps.

    Raises:
        OptionError: The library cannot write to that kind of path.
    """
    scope = scope_of(cfg)
    evaluators = cfg.test_evaluator
    evaluators = list(evaluators) if isinstance(evaluators, (list, tuple)) else [evaluators]
    if out.endswith(('.pkl', '.pickle')):
        evaluators.append(dict(type=scope.dump, out_file_path=out))
    elif scope.maps_to_folder:
        evaluators[0]['output_dir'] = out
        _keep_apart(cfg)
    else:
        raise OptionError(f'--out must end in .pkl for {cfg.default_scope}, got {out!r}.')
    cfg.test_evaluator = evaluators


def enable_tta(cfg: Config) -> None:
    """Wrap the model for test-time augmentation: the config's own, or a horizontal flip.

    Raises:
        OptionError: Pictures are asked for as well, and the library cannot draw them.
    """
    scope = scope_of(cfg)
    hook = cfg.get('default_hooks', {}).get('visualization') or {}
    if cfg.default_scope == 'mmpretrain' and hook.get('enable'):
        raise OptionError(
            'mmpretrain cannot draw pictures under test-time augmentation: leave out either --tta '
            'or --show and --show-dir.'
        )
    tta_model = deepcopy(cfg.get('tta_model') or scope.tta_model)
    cfg.model = ConfigDict(**{**tta_model, 'module': cfg.model})
    dataset = with_pipeline(cfg.test_dataloader.dataset)
    pipeline = cfg.get('tta_pipeline')
    if pipeline is None:
        *steps, pack = deepcopy(dataset.pipeline)
        if scope.view_keys:
            default = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')
            keys = tuple(pack.get('meta_keys', default))
            pack['meta_keys'] = keys + tuple(key for key in scope.view_keys if key not in keys)
        pipeline = [*steps, dict(type='TestTimeAug', transforms=[*_FLIPS, [pack]])]
    dataset.pipeline = pipeline
    if cfg.default_scope == 'mmdet':
        _boxes_only(cfg)


def _boxes_only(cfg: Config) -> None:
    """Predict and measure boxes only: mmdet merges the boxes of the views, but no masks."""
    evaluators = cfg.test_evaluator
    for metric in evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]:
        kinds = metric.get('metric') or ()
        if 'segm' in kinds:
            kinds = [kinds] if isinstance(kinds, str) else kinds
            metric['metric'] = [kind for kind in kinds if kind != 'segm'] or ['bbox']
    roi_head = bare_model(cfg.model.module).get(REGION_STAGE)
    if roi_head and roi_head.get('mask_head'):
        roi_head.update(mask_head=None, mask_roi_extractor=None)
        print_log(
            '--tta: mmdet merges the boxes of the views only, so masks are neither predicted nor '
            'measured.',
            logger='current',
            level=logging.WARNING,
        )
