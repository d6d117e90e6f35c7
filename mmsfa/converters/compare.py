"""Whether a converted checkpoint is complete."""

from __future__ import annotations

import torch
from mmpretrain.registry import MODELS
from torch import Tensor

from .errors import ConversionError
from .layouts import Layout


def differences(state_dict: dict[str, Tensor], layout: Layout) -> list[str]:
    """List what differs from the recognised backbone and classification head: one line a tensor.

    Raises:
        ConversionError: No model can have these sizes.
    """
    parts = dict(backbone=layout.backbone, head=layout.head)
    want, got = {}, {}
    for part, cfg in parts.items():
        if cfg is None:
            continue
        try:
            with torch.device('meta'):  # shapes only: no memory, no time
                model = MODELS.build(cfg)
        except ValueError as error:
            raise ConversionError(f'No published model has this size: {error}') from None
        want |= {f'{part}.{name}': tensor.shape for name, tensor in model.state_dict().items()}
        got |= {n: t.shape for n, t in state_dict.items() if n.startswith(f'{part}.')}
    lines = [f'missing     {name} {tuple(want[name])}' for name in want.keys() - got.keys()]
    lines += [f'unexpected  {name} {tuple(got[name])}' for name in got.keys() - want.keys()]
    lines += [
        f'shape       {name}: expected {tuple(want[name])}, got {tuple(got[name])}'
        for name in want.keys() & got.keys()
        if want[name] != got[name]
    ]
    return sorted(lines)
