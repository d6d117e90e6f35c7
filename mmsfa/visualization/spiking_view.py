"""One picture seen by a spiking model: what it predicts and where it fires."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from torch import Tensor

from .firing_map import FiringMap, at_original_size
from .pictures import InferencePipeline, network_picture, read_picture
from .prediction import PredictionDrawer


@dataclass(frozen=True)
class View:
    """What a model made of one picture.

    Attributes:
        name: File name.
        picture: Shape (H, W, 3), uint8, RGB.
        prediction: The picture with the prediction over it, perhaps enlarged.
        rates: Mean count / D of the backbone at each place, shape (H, W).
        stages: The same for each stage of the backbone, by depth.
        num_layers: Number of neuron layers that ``rates`` is taken over.
    """

    name: str
    picture: np.ndarray
    prediction: np.ndarray
    rates: np.ndarray
    stages: dict[str, np.ndarray]
    num_layers: int


class Viewer:
    """Shows pictures to a model.

    Detections and segmentations are shown on the whole picture. A classifier sees a crop of it,
    so that this is what is shown.

    Args:
        cfg: The whole config.
        model: Its trained model, from `load_trained`.
        score_thr: Detections of a lower score are not drawn.
    """

    def __init__(self, cfg: Config, model: BaseModel, score_thr: float = 0.3) -> None:
        self.model = model
        self.is_classifier = cfg.default_scope == 'mmpretrain'
        self.pipeline = InferencePipeline(cfg)
        self.drawer = PredictionDrawer(cfg, model.dataset_meta, score_thr)
        self.firing_map = FiringMap(model)

    @torch.no_grad()
    def look(self, path: Path) -> View:
        """Run one picture through pipeline and model.

        Raises:
            UserError: It is no picture.
        """
        picture = read_picture(path, self.pipeline.load)
        batch = self.pipeline(path)
        if self.is_classifier:
            picture = network_picture(batch['inputs'][0], self.pipeline.rgb)
        with self.firing_map as firing_map:
            (sample,) = self.model.test_step(batch)

        def on_picture(rates: Tensor) -> np.ndarray:
            if self.is_classifier:  # no padding of the preprocessor
                rates = rates[0, : picture.shape[0], : picture.shape[1]]
            else:
                rates = at_original_size(rates[0], sample)
            return rates.cpu().numpy()

        return View(
            name=path.name,
            picture=picture,
            prediction=self.drawer.draw(picture, sample),
            rates=on_picture(firing_map.mean()),
            stages={s: on_picture(rates) for s, rates in firing_map.stages().items()},
            num_layers=firing_map.num_layers,
        )
