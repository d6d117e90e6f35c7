"""Lets torchvision be imported beside a torch that its extension does not fit.

The registry's torchvision is built for CUDA. On a CPU-only torch its extension cannot load and the
import stops because two operators are unknown. With their schemas defined it imports; its compiled
operators stay away, and `mmsfa.ops` computes without them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_schemas: Any = None  # The library object must live as long as its operators.


class RepairedTorchvision(MetaPathFinder, Loader):
    """Imports torchvision like any other package, and repairs it where that fails.

    Args:
        refuse: What stopped the import of a torchvision that is beyond repair -> what is raised.
    """

    own: Any = None  # the loader of torchvision itself

    def __init__(self, refuse: Callable[[Exception], Exception]) -> None:
        self.refuse = refuse

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find torchvision as the other finders do; nothing else is looked at."""
        if name != 'torchvision':
            return None
        others = [finder for finder in sys.meta_path if finder is not self]
        spec = next(filter(None, (one.find_spec(name, path, target) for one in others)), None)
        if spec:
            self.own, spec.loader = spec.loader, self
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Let torchvision's own loader do so."""
        return self.own.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Import it; what cannot be loaded raises any kind of error, and becomes one sentence."""
        module.__loader__ = self.own
        if module.__spec__:
            module.__spec__.loader = self.own
        try:
            self._execute(module)
        except Exception as error:
            raise self.refuse(error) from error

    def _execute(self, module: ModuleType) -> None:
        try:
            self.own.exec_module(module)
        except RuntimeError as error:
            if 'torchvision::nms' not in str(error):
                raise
            _define_schemas()
            self.own.exec_module(module)


def _define_schemas() -> None:
    global _schemas
    if _schemas is not None:
        return
    import torch

    library = torch.library.Library('torchvision', 'FRAGMENT')
    for name in ('nms', 'qnms'):
        library.define(f'{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
    _schemas = library
