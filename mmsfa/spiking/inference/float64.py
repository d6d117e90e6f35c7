"""Run a whole model, from the picture to its predictions, in double precision."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from mmsfa.spiking.measure.observer import instance_attribute


@contextmanager
def in_float64(model: nn.Module) -> Iterator[nn.Module]:
    """Compute in float64 while the context is open; weights come back bit for bit.

    mmcv's NMS, hard and soft, and mmdet's pasting of masks know float32 only and get rounded
    numbers.

    Args:
        model: A float32 model; its ``data_preprocessor``, if any, hands on float64 pictures.
    """
    preprocessor = getattr(model, 'data_preprocessor', None)
    handle = preprocessor.register_forward_hook(_widen) if preprocessor is not None else None
    model.double()
    try:
        with _rounded_arguments():
            yield model
    finally:
        model.float()
        if handle is not None:
            handle.remove()


def _widen(_module: nn.Module, _inputs: tuple, output: dict) -> dict:
    inputs = output['inputs']
    widened = inputs.double() if isinstance(inputs, Tensor) else [x.double() for x in inputs]
    return {**output, 'inputs': widened}


# Functions that know float32 only: (module, name). What they get is rounded; they choose boxes and
# draw masks, and hand nothing back to a neuron.
_FLOAT32_ONLY = (
    ('mmcv._ext', 'nms'),
    ('mmcv._ext', 'softnms'),
    ('mmdet.models.roi_heads.mask_heads.fcn_mask_head', '_do_paste_mask'),
)


@contextmanager
def _rounded_arguments() -> Iterator[None]:
    with ExitStack() as stack:
        for module_name, name in _FLOAT32_ONLY:
            module = sys.modules.get(module_name)  # missing where no detector is loaded
            if module is not None:
                rounded = _on_float32(getattr(module, name))
                stack.enter_context(instance_attribute(module, name, rounded))
        yield


def _on_float32(function: Callable) -> Callable:
    def call(*args: Any, **kwargs: Any) -> Any:
        narrow = [x.float() if isinstance(x, Tensor) and x.is_floating_point() else x for x in args]
        before = [x.clone() if isinstance(x, Tensor) else x for x in narrow]
        result = function(*narrow, **kwargs)
        for wide, old, new in zip(args, before, narrow, strict=True):
            if isinstance(wide, Tensor) and not torch.equal(old, new):  # it was written to
                wide.copy_(new)
        return result

    return call
