"""Mixed precision on a machine without an accelerator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from mmengine.utils import apply_to
from torch import nn

from mmsfa.spiking.measure.observer import instance_attribute


@OPTIM_WRAPPERS.register_module()
class CPUAmpOptimWrapper(OptimWrapper):
    """Backbone and neck in bfloat16 on the CPU, which mmengine's ``AmpOptimWrapper`` refuses.

    bfloat16 has the exponent range of float32, so no loss scaling is needed. Heads stay in
    float32, because mmcv's CPU operators (NMS, RoIAlign) know nothing else. Contexts may be nested,
    as `NumericsHook` does where it repeats a batch.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast ``model.extract_feat``, or the whole model where it has no such method."""
        module = model.module if is_model_wrapper(model) else model
        extract_feat = getattr(module, 'extract_feat', None)

        with super().optim_context(model):
            if extract_feat is None:
                with torch.autocast('cpu', dtype=torch.bfloat16):
                    yield
                return

            def autocast_features(*args: Any, **kwargs: Any) -> Any:
                with torch.autocast('cpu', dtype=torch.bfloat16):
                    features = extract_feat(*args, **kwargs)
                return apply_to(features, torch.is_tensor, lambda feature: feature.float())

            # Hooks would have to know where features begin and end: this method alone does.
            with instance_attribute(module, 'extract_feat', autocast_features):
                yield
