"""Pictures of what masked pre-training has learnt so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.model import BaseDataPreprocessor, BaseModel
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor

from mmsfa.engine.plain_model import plain_model

HIDDEN = 127  # grey


@HOOKS.register_module()
class ReconstructionHook(Hook):
    """Draws original | masked | reconstruction of a few training pictures during pre-training.

    They are the first pictures that the run has seen, always with the same patches hidden; a
    resumed run shows the first ones after its resume. The visualizer stores them:
    ``WORK_DIR/<timestamp>/vis_data/vis_image/reconstruction_<epoch>.png`` and whatever other
    backends are set. Training goes on as if nothing had been drawn.

    Args:
        interval: Draw after every n-th epoch, and after the last one.
        num_pictures: Number of pictures, one a row.

    Raises:
        ValueError: An argument is no integer >= 1.
    """

    priority = 'LOW'

    def __init__(self, interval: int = 10, num_pictures: int = 4) -> None:
        for name, value in dict(interval=interval, num_pictures=num_pictures).items():
            if not isinstance(value, int) or value < 1:
                raise ValueError(f'{name} must be an integer >= 1, got {value!r}.')
        self.interval = interval
        self.num_pictures = num_pictures
        self._batch: dict[str, Any] | None = None

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict[str, Any] | None = None,
        outputs: Sequence | dict | None = None,
    ) -> None:
        """Keep the first pictures."""
        if self._batch is None and data_batch is not None:
            self._batch = {key: part[: self.num_pictures] for key, part in data_batch.items()}

    @master_only
    def after_train_epoch(self, runner: Runner) -> None:
        """Draw."""
        if self._batch is None:  # resumed behind the last batch of an epoch: there was none to see
            return
        if self.every_n_epochs(runner, self.interval) or self.is_last_train_epoch(runner):
            panels = draw_reconstructions(plain_model(runner), self._batch)
            runner.visualizer.add_image('reconstruction', panels, step=runner.epoch + 1)


@torch.no_grad()
def draw_reconstructions(model: BaseModel, batch: dict[str, Any]) -> np.ndarray:
    """Original, masked picture and reconstruction side by side, one picture a row.

    Args:
        model: A ``SpikeMAE`` with its data preprocessor. Its mode is as before afterwards.
        batch: What the data loader gives.

    Returns:
        Shape (B*H, 3*W, 3), RGB, uint8.
    """
    inputs = model.data_preprocessor(batch, training=False)['inputs']
    generator = torch.Generator(inputs.device).manual_seed(0)
    mask = model.draw_mask(inputs, generator)
    training = model.training
    model.eval()
    try:
        filled = model.reconstruct(inputs, mask)
    finally:
        model.train(training)
    true, filled = (_to_rgb(x, model.data_preprocessor) for x in (inputs, filled))
    patches = model.head.patchify(true)  # (B, h*w, patch_size^2 * C)
    masked = model.head.unpatchify(patches.masked_fill(mask[..., None], HIDDEN))
    rows = torch.cat([true, masked, filled], dim=3)  # (B, 3, H, 3*W)
    return rows.permute(0, 2, 3, 1).flatten(0, 1).byte().cpu().numpy()


def _to_rgb(x: Tensor, preprocessor: BaseDataPreprocessor) -> Tensor:
    """Undo the normalisation of mm's image preprocessors; (B, 3, H, W) in 0..255."""
    if preprocessor._enable_normalize:
        x = x * preprocessor.std + preprocessor.mean
    if not preprocessor._channel_conversion:  # pictures are read as BGR
        x = x.flip(1)
    return x.round().clamp(0, 255)
