"""An Inferencer that is given weights only would build whatever the file calls its config.

Reading that text as pure data is not enough: ``type`` may be any function that can be imported
(``os.system``), and some settings of the libraries are evaluated or unpickled.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from mmengine.infer import BaseInferencer

from .checkpoint_errors import UnsafeCheckpointError
from .safe_checkpoint import is_trusted


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

    guarded.mmsfa_guarded = True
    BaseInferencer._init_model = guarded
