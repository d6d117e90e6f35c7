"""What ``--resume`` of tools/train.py means."""

from __future__ import annotations

import logging

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import HOOKS

from mmsfa.checkpoint.saving.newest_checkpoint import has_checkpoints, newest_resumable
from mmsfa.config.scopes import class_of
from mmsfa.engine.hooks.atomic_checkpoint_hook import AtomicCheckpointHook


def apply_resume(cfg: Config, path: str | None) -> None:
    """Make a run go on.

    Args:
        cfg: Changed in place.
        path: A checkpoint; None for the newest good one of the work dir. If nothing was saved
            there yet, the run starts anew, with the ``load_from`` that the config has.

    Raises:
        NoResumableCheckpointError: There are checkpoints, but none is good.
    """
    hook = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    out_dir = hook.get('out_dir')
    if path is None and not has_checkpoints(cfg.work_dir, out_dir):
        cfg.resume = False
        print_log(
            f'--resume: {cfg.work_dir} holds no checkpoint yet, so this run starts anew.',
            logger='current',
            level=logging.WARNING,
        )
        return
    kind = class_of(hook, HOOKS)
    is_atomic = isinstance(kind, type) and issubclass(kind, AtomicCheckpointHook)
    if path is None and not is_atomic:
        path = newest_resumable(cfg.work_dir, out_dir=out_dir)
    cfg.resume = True
    cfg.load_from = path  # with None, AtomicCheckpointHook looks for one that fits the model
