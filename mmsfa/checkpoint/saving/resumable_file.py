"""Whether a run can go on from a checkpoint file."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

from torch import nn
from torch.nn.parameter import is_lazy

from mmsfa.checkpoint.loading import safe_load

_WRAPPER = re.compile(r'(^|(?<=\.))module\.')  # DistributedDataParallel, also around parts


def fault_of(path: Path, model: nn.Module | None = None) -> str | None:
    """Why a run cannot go on from a file.

    Args:
        path: A local file. It is read whole, onto the CPU.
        model: Of the run that asks; without it, any model's checkpoint will do.

    Returns:
        A sentence that names the file; None if it is good.
    """
    try:
        checkpoint = safe_load(path)
        _check_bytes(path)
    except Exception as error:  # of a file that is trusted, anything can come
        text = str(error)
        return text if str(path) in text else f'{path} cannot be read ({text}).'
    fault = _fault_of_parts(path, checkpoint)
    if fault is None and model is not None:
        fault = _fault_of_weights(path, checkpoint['state_dict'], model)
    return fault


def _fault_of_parts(path: Path, checkpoint: Any) -> str | None:
    kind = type(checkpoint).__name__
    if not isinstance(checkpoint, dict):
        return f'{path} is no checkpoint of a training: it holds a {kind}.'
    parts = ('meta', 'state_dict', 'message_hub', 'optimizer')
    missing = [part for part in parts if not isinstance(checkpoint.get(part), dict)]
    if missing:
        return f'{path} is no checkpoint to resume from: it has no {" and no ".join(missing)}.'
    if not all(isinstance(checkpoint['meta'].get(key), int) for key in ('epoch', 'iter')):
        return f'{path} is no checkpoint to resume from: it does not say its epoch and iteration.'
    return None


def _check_bytes(path: Path) -> None:
    """Torch itself does not look whether the numbers are those that were written."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as file:
            if file.testzip() is not None:
                raise ValueError('a checksum inside is wrong, so it is damaged')


def _fault_of_weights(path: Path, stored: dict[str, Any], model: nn.Module) -> str | None:
    """Buffers do not count: mmengine lets them come and go."""
    shapes = {_plain(name): getattr(value, 'shape', None) for name, value in stored.items()}
    parameters = dict(model.named_parameters())
    # a model may keep parameters, such as those of a teacher, out of its checkpoints
    own = {name: parameters[name] for name in model.state_dict() if name in parameters}
    misfits = [
        (name, shapes.get(_plain(name)), value)
        for name, value in own.items()
        if _plain(name) not in shapes or not (is_lazy(value) or shapes[_plain(name)] == value.shape)
    ]
    if not misfits:
        return None
    name, shape, value = misfits[0]
    found = 'missing' if shape is None else f'of shape {tuple(shape)}'
    return (
        f'{path} belongs to another model: {len(misfits)} of {len(own)} parameters do not fit, '
        f'first {name!r}, which is {found} instead of {tuple(value.shape)}.'
    )


def _plain(name: str) -> str:
    return _WRAPPER.sub('', name)
