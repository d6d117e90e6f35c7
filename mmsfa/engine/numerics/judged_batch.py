"""A batch whose loss is judged a little later, when the device has it ready anyway."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .first_bad_layer import is_finite, tensors_in


@dataclass
class JudgedBatch:
    """What a model was called with, and the terms of its loss.

    Attributes:
        args: Positional arguments of the model.
        kwargs: Keyword arguments of the model, without the mode.
        terms: Sum of each term of the loss, scalars on the device.
        total: Their sum, a scalar that is on its way to the host.
        arrived: What to wait for before `total` is read; None where nothing is pending.
    """

    args: tuple
    kwargs: dict[str, Any]
    terms: dict[str, Tensor]
    total: Tensor
    arrived: torch.cuda.Event | None

    @classmethod
    def before(cls, args: tuple, kwargs: dict[str, Any]) -> JudgedBatch:
        """Of a model that has not answered yet."""
        kwargs = {key: value for key, value in kwargs.items() if key != 'mode'}
        return cls(args[:2], kwargs, {}, torch.zeros(()), None)

    @classmethod
    def of(cls, args: tuple, kwargs: dict[str, Any], losses: dict[str, Any]) -> JudgedBatch | None:
        """Add up the terms that are trained on, as `BaseModel.parse_losses` chooses them."""
        terms = {
            name: torch.stack([part.detach().float().sum() for part in tensors_in(value)]).sum()
            for name, value in (losses.items() if isinstance(losses, dict) else ())
            if 'loss' in name and any(True for _ in tensors_in(value))
        }
        if not terms:
            return None
        total = torch.stack(list(terms.values())).sum()
        arrived = None
        if total.is_cuda:
            # No wait: the backward pass goes on to the device while this number comes back.
            total = total.to('cpu', non_blocking=True)
            arrived = torch.cuda.Event()
            arrived.record()
        called = cls.before(args, kwargs)
        return cls(called.args, called.kwargs, terms, total, arrived)

    def is_finite(self) -> bool:
        """Whether the loss is a number; waits for the forward pass at most."""
        if self.arrived is not None:
            self.arrived.synchronize()
        return bool(torch.isfinite(self.total))

    def terms_in_words(self) -> str:
        """The terms that are not finite, each with its value."""
        values = {name: term.item() for name, term in self.terms.items()}
        bad = {name: value for name, value in values.items() if not math.isfinite(value)}
        return ', '.join(f'{name}={value:g}' for name, value in (bad or values).items())

    def bad_inputs(self) -> str:
        """Which arguments hold NaN or infinity; '' for none."""
        named = dict(zip(('inputs', 'data_samples'), self.args, strict=False)) | self.kwargs
        return ' and '.join(name for name, value in named.items() if not is_finite(value))

    def files_in_words(self) -> str:
        """The pictures of the batch, of bad ones alone if there are any; '' if none is known."""
        args = dict(zip(('inputs', 'data_samples'), self.args, strict=False)) | self.kwargs
        samples, inputs = args.get('data_samples') or (), args.get('inputs')
        if inputs is not None and len(inputs) == len(samples):
            pairs = list(zip(inputs, samples, strict=True))
            samples = [one for pair in pairs if not is_finite(pair) for one in pair[1:]] or samples
        known = [getattr(sample, 'img_path', None) for sample in samples]
        paths = [str(path) for path in known if path]
        more = f' and {len(paths) - 8} more' if len(paths) > 8 else ''
        return f': {", ".join(paths[:8])}{more}' if paths else ''

    def run(self, model: nn.Module, mode: str) -> Any:
        """Call a model with the same batch."""
        return model(*self.args, **self.kwargs, mode=mode)
