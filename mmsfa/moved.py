"""Modules that have moved: their old names import the new ones, with a ``DeprecationWarning``."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    'mmsfa.distillation': 'mmsfa.compression.distillation',
    'mmsfa.engine.cli': 'mmsfa.cli.options',
    'mmsfa.engine.errors': 'mmsfa.errors',
    'mmsfa.engine.safe_loading': 'mmsfa.checkpoint.loading',
    'mmsfa.engine.spiking_report': 'mmsfa.apis.measure',
    'mmsfa.engine.trained_model': 'mmsfa.apis.trained_model',
    'mmsfa.export.nir_check': 'mmsfa.export.nir.check',
    'mmsfa.export.nir_export': 'mmsfa.export.nir.export',
    'mmsfa.export.nir_import': 'mmsfa.export.nir.network',
    'mmsfa.export.runtime': 'mmsfa.export.onnx.runtime',
    'mmsfa.export.tensor_part': 'mmsfa.export.onnx.tensor_part',
    'mmsfa.neurons.surrogate': 'mmsfa.neurons.functional.surrogate',
}


class _MovedFinder(MetaPathFinder, Loader):
    """Answers for the old names alone; it is asked last."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name in MOVED else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        new = MOVED[spec.name]
        warnings.warn(f'{spec.name} is now {new}.', DeprecationWarning, stacklevel=2)
        module = importlib.import_module(new)
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It has run under its new name, which it keeps."""
        if module.__spec__ is not None:
            module.__spec__ = module.__spec__.loader_state


def install() -> None:
    """Let the old names be imported; may be called again."""
    if not any(isinstance(finder, _MovedFinder) for finder in sys.meta_path):
        sys.meta_path.append(_MovedFinder())
