"""A folder of `mmsfa.runtime` whose graphs are computed by PyTorch: nothing has to be exported."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from mmcv.ops import roi_align
from mmengine.config import Config
from torch import Tensor, nn

from mmsfa.export.onnx.tensor_part import TensorPart
from mmsfa.export.whole.folder import whole_settings
from mmsfa.export.whole.region_settings import align_settings, region_settings
from mmsfa.model_parts import tensors_in
from mmsfa.runtime import Folder, Model

OUTPUTS = dict(bbox=('scores', 'deltas'), mask=('masks',))


class TorchFolder(Folder):
    """Settings of a model, and the model itself.

    Args:
        cfg: The whole config.
        model: Its model, in evaluation mode.
    """

    def __init__(self, cfg: Config, model: nn.Module) -> None:
        self.settings = whole_settings(cfg, model)
        self.part = TensorPart(model)
        self.heads: dict[str, nn.Module] = {}
        self.aligns: dict[str, Any] = {}
        if self.settings.get('regions'):
            self.heads = region_settings(model.roi_head)[1]
            self.aligns = align_settings(model.roi_head)

    def run(self, name: str, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        """What PyTorch computes."""
        values = {key: torch.from_numpy(np.ascontiguousarray(x)) for key, x in inputs.items()}
        with torch.no_grad():
            outputs = self._run(name, **values)
        return {key: x.numpy() for key, x in outputs.items()}

    def _run(self, name: str, **inputs: Tensor) -> dict[str, Tensor]:
        if name == 'dense':
            outputs = self.part(inputs['image'])
            return dict(zip(self.part.names, outputs, strict=True))
        if name in self.aligns:
            align, regions = self.aligns[name], inputs['regions']
            size = align['output_height'], align['output_width']
            rois = torch.cat([torch.zeros(len(regions), 1), regions], 1)
            samples = align['sampling_ratio']
            return dict(features=roi_align(inputs['map'], rois, size, 1.0, samples, 'avg', True))
        outputs = tensors_in(self.heads[name](inputs['regions']))
        return dict(zip(OUTPUTS[name.partition('_')[0]], outputs, strict=True))


def torch_runtime(cfg: Config, model: nn.Module) -> Model:
    """A runtime on such a folder."""
    return Model(TorchFolder(cfg, model))
