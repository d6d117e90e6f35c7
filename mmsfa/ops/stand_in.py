"""The module that takes the place of mmcv's compiled extension where there is none."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from functools import wraps
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from torch import Tensor

from mmsfa.compat import Problem, StackError, install_command

from . import deform_attention, deform_conv, focal_loss, nms, roi_align, roi_pool

NAME = 'mmcv._ext'
COMPILE = 'make setup OPS=compiled'
OPERATORS: dict[str, Callable] = {
    function.__name__: function
    for function in (
        nms.nms,
        nms.softnms,
        nms.nms_match,
        roi_align.roi_align_forward,
        roi_align.roi_align_backward,
        roi_pool.roi_pool_forward,
        roi_pool.roi_pool_backward,
        deform_conv.deform_conv_forward,
        deform_conv.deform_conv_backward_input,
        deform_conv.deform_conv_backward_parameters,
        deform_conv.modulated_deform_conv_forward,
        deform_conv.modulated_deform_conv_backward,
        focal_loss.sigmoid_focal_loss_forward,
        focal_loss.sigmoid_focal_loss_backward,
        focal_loss.softmax_focal_loss_forward,
        focal_loss.softmax_focal_loss_backward,
        deform_attention.ms_deform_attn_forward,
        deform_attention.ms_deform_attn_backward,
    )
}


class StandIn(ModuleType):
    """Has the operators of this package; every other name gives a function that refuses."""

    def __init__(self) -> None:
        super().__init__(NAME, __doc__)
        self.__spec__ = ModuleSpec(NAME, None)  # mmengine asks whether the extension is there
        vars(self).update(OPERATORS)
        # what mmcv's and mmdet's tools print about an environment
        self.get_compiler_version = self.get_compiling_cuda_version = lambda: 'not compiled'

    def __getattr__(self, name: str) -> Callable:
        if name.startswith('_'):
            raise AttributeError(name)

        def refuse(*_args: Any, **_kwargs: Any) -> None:
            raise NotImplementedError(
                f"mmcv's operator {name!r} is compiled, and this mmcv has no compiled operators. "
                f'To get them: {COMPILE} (about half an hour, with a C++ compiler).'
            )

        return refuse


def install() -> None:
    """Make ``mmcv._ext`` importable, before any library looks for it.

    A compiled extension that loads is kept; only RoIAlign on a CPU is replaced, because
    torchvision's runs on all cores and mmcv's on one.

    Raises:
        StackError: mmcv itself cannot be imported.
    """
    loaded = sys.modules.get(NAME)
    if isinstance(loaded, StandIn):
        return
    try:
        importlib.import_module('mmcv')
    except Exception as error:  # libraries of OpenCV that are missing raise any kind
        command = f'{install_command("mmcv")}   # or what the message names'
        raise StackError(str(Problem(f'mmcv cannot be imported: {error}.', command))) from error
    try:
        extension = loaded or importlib.import_module(NAME)
    except Exception:  # none was built, or for another torch: that raises any kind of error
        module = StandIn()
        sys.modules[NAME] = module
        vars(sys.modules['mmcv']).update(_ext=module)
        return
    for name in ('roi_align_forward', 'roi_align_backward'):
        own = getattr(extension, name)
        if not hasattr(own, '__wrapped__'):
            setattr(extension, name, _on_cpu(OPERATORS[name], own))


def is_stand_in() -> bool:
    """Whether mmcv works without compiled operators here."""
    return isinstance(sys.modules.get(NAME), StandIn)


def _on_cpu(ours: Callable, compiled: Callable) -> Callable:
    """Ours for an average on a CPU, the compiled one for everything else."""

    @wraps(compiled)
    def call(*args: Tensor, pool_mode: int, **kwargs: Any) -> None:
        function = ours if args[0].is_cpu and pool_mode == 1 else compiled
        function(*args, pool_mode=pool_mode, **kwargs)

    return call
