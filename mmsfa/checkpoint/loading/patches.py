"""Put the safe loader behind everything that mmengine loads: all that mmsfa changes in its loading.

================================  ==============================================================
What is changed                   Why
================================  ==============================================================
schemes of `CheckpointLoader`     ``load_from``, ``--resume``, ``init_cfg`` and every Inferencer
                                  ask it for a loader by the scheme of the path
``checkpoint``'s                  mmengine lets files call ``getattr`` and more; mmsfa has its
``get_torch_safe_globals``        own, shorter list
``BaseInferencer._init_model``    Given weights only, it builds whatever the file calls its
                                  config. Reading that text as pure data is not enough: ``type``
                                  may be any function that can be imported (``os.system``), and
                                  some settings of the libraries are evaluated or unpickled
================================  ==============================================================
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from mmengine.dist import barrier, get_dist_info
from mmengine.infer import BaseInferencer
from mmengine.runner import CheckpointLoader, checkpoint

from .allowed_globals import globals_allowed
from .checkpoint_contents import disarm
from .checkpoint_errors import UnsafeCheckpointError, explain
from .safe_checkpoint import is_trusted, safe_load


def load_from_local(filename: str, map_location: Any = None) -> dict[str, Any]:
    """`CheckpointLoader` scheme: a path."""
    return safe_load(filename, map_location)


def load_from_http(filename: str, map_location: Any = None) -> dict[str, Any]:
    """`CheckpointLoader` scheme: an http(s) URL; rank 0 downloads it into torch's hub cache."""
    cached = Path(
        torch.hub.get_dir(), 'checkpoints', filename.split('?', maxsplit=1)[0].rsplit('/', 1)[-1]
    )
    cached.parent.mkdir(parents=True, exist_ok=True)
    if get_dist_info()[0] == 0 and not cached.exists():
        torch.hub.download_url_to_file(filename, str(cached), progress=os.isatty(2))
    barrier()
    if not cached.exists():  # another machine, whose cache rank 0 does not share
        torch.hub.download_url_to_file(filename, str(cached), progress=False)
    return safe_load(cached, map_location)


@contextmanager
def _weights_only() -> Iterator[None]:
    """Let torch overrule ``weights_only=False``: it reads this variable at every call.

    It holds for the whole process: another thread that unpickles a file of its own meanwhile is
    refused. Nothing else reaches the calls inside another library.
    """
    before = os.environ.get('TORCH_FORCE_WEIGHTS_ONLY_LOAD')
    os.environ['TORCH_FORCE_WEIGHTS_ONLY_LOAD'] = '1'
    try:
        yield
    finally:
        if before is None:
            del os.environ['TORCH_FORCE_WEIGHTS_ONLY_LOAD']
        else:
            os.environ['TORCH_FORCE_WEIGHTS_ONLY_LOAD'] = before


def _strict(loader: Callable) -> Callable:
    """Give another scheme's loader no way to unpickle, whatever it asks `torch.load` for."""

    @wraps(loader)
    def load(filename: str, map_location: Any = None) -> dict[str, Any]:
        if is_trusted():
            return loader(filename, map_location)
        try:
            with globals_allowed(), _weights_only():  # the second under the lock of the first
                return disarm(loader(filename, map_location), filename)
        except (UnpicklingError, ValueError) as error:
            raise explain(error, filename) from None

    vars(load).update(mmsfa_strict=True)
    return load


def install() -> None:
    """Make every scheme of mmengine's `CheckpointLoader` a safe one; may be called again."""
    guard_inferencers()
    own = {'': load_from_local, 'http://': load_from_http, 'https://': load_from_http}
    for prefix, loader in list(CheckpointLoader._schemes.items()):
        if prefix not in own and not hasattr(loader, 'mmsfa_strict'):
            own[prefix] = _strict(loader)
    if hasattr(checkpoint, 'get_torch_safe_globals'):  # it holds the real getattr
        checkpoint.get_torch_safe_globals = list
    for prefix, loader in own.items():
        CheckpointLoader.register_scheme(prefix, loader, force=True)


def guard_inferencers() -> None:
    """Make every Inferencer ask for a config of the user's; may be called again."""
    build = BaseInferencer._init_model
    if hasattr(build, 'mmsfa_guarded'):
        return

    @wraps(build)
    def guarded(self: Any, cfg: Any, weights: str | None, *args: Any, **kwargs: Any) -> Any:
        if not cfg and not is_trusted():
            raise UnsafeCheckpointError(
                f'Refused to build a model from the config inside {weights}: such a config could '
                'run code. Give its config file as well (model=...), or, if you made this file '
                'yourself and trust it, call mmsfa.engine.trust_checkpoints() first.'
            )
        return build(self, cfg, weights, *args, **kwargs)

    vars(guarded).update(mmsfa_guarded=True)
    BaseInferencer._init_model = guarded
