"""Run a whole model, from the picture to its predictions, in double precision."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from mmsfa.spiking.measure.observer import instance_attribute


@contextmanager
def in_float64(model: nn.Module) -> Iterator[nn.Module]:
    """Compute in float64 while the context is open; weights come back bit for bit.

    What a head makes by itself, such as grids and encodings of positions, is float64 too, whether
    it asks for float32 or for no type. mmcv's NMS, hard and soft, and mmdet's pasting of masks know
    float32 only and get rounded numbers.

    Args:
        model: A float32 model; its ``data_preprocessor``, if any, hands on float64 pictures.
    """
    preprocessor = getattr(model, 'data_preprocessor', None)
    handle = preprocessor.register_forward_hook(_widen) if preprocessor is not None else None
    default = torch.get_default_dtype()
    try:
        model.double()
        torch.set_default_dtype(torch.float64)
        with _Widened() as widened, _rounded_arguments(widened):
            yield model
    finally:
        torch.set_default_dtype(default)
        model.float()
        if handle is not None:
            handle.remove()


def _widen(_module: nn.Module, _inputs: tuple, output: dict) -> dict:
    inputs = output['inputs']
    widened = inputs.double() if isinstance(inputs, Tensor) else [x.double() for x in inputs]
    return {**output, 'inputs': widened}


class _Widened(TorchFunctionMode):
    """Gives float64 to whoever asks for float32."""

    def __init__(self) -> None:
        super().__init__()
        self._is_paused = False

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What asks for float32 gets it for a while."""
        before, self._is_paused = self._is_paused, True
        try:
            yield
        finally:
            self._is_paused = before

    def __torch_function__(
        self, func: Callable, types: Any, args: Sequence = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if not self._is_paused:
            if func is torch.Tensor.float:
                return args[0].double()
            args = [torch.float64 if one is torch.float32 else one for one in args]
            kwargs = {k: torch.float64 if v is torch.float32 else v for k, v in kwargs.items()}
        return func(*args, **kwargs)


# Functions that know float32 only: (module, name). What they get is rounded; they choose boxes and
# draw masks, and hand nothing back to a neuron.
_FLOAT32_ONLY = (
    ('mmcv._ext', 'nms'),
    ('mmcv._ext', 'softnms'),
    ('mmdet.models.roi_heads.mask_heads.fcn_mask_head', '_do_paste_mask'),
)


@contextmanager
def _rounded_arguments(widened: _Widened) -> Iterator[None]:
    with ExitStack() as stack:
        for module_name, name in _FLOAT32_ONLY:
            module = sys.modules.get(module_name)  # missing where no detector is loaded
            if module is not None:
                rounded = _on_float32(getattr(module, name), widened)
                stack.enter_context(instance_attribute(module, name, rounded))
        yield


def _on_float32(function: Callable, widened: _Widened) -> Callable:
    def call(*args: Any, **kwargs: Any) -> Any:
        with widened.paused():
            narrow = [
                x.float() if isinstance(x, Tensor) and x.is_floating_point() else x for x in args
            ]
            before = [x.clone() if isinstance(x, Tensor) else x for x in narrow]
            result = function(*narrow, **kwargs)
        for wide, old, new in zip(args, before, narrow, strict=True):
            if isinstance(wide, Tensor) and not torch.equal(old, new):  # it was written to
                wide.copy_(new)
        return result

    return call
