"""Sharpen the gradient of annealed quantisers as the training goes on."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from mmsfa.compression.quantization import BinaryQuantizer
from mmsfa.engine.plain_model import plain_model


@HOOKS.register_module()
class QuantizationAnnealHook(Hook):
    """Tells every annealed quantiser of the model how much of the training is done.

    It reaches the layers of shortcuts, necks and heads too; without annealed quantisers it does
    nothing. What it sets follows from the position of the run alone, so that a resumed training
    goes on with the same values. Source of the schedule: Q-SNN, https://arxiv.org/abs/2406.13672.

    Args:
        by_epoch: Whether it steps with the epochs, as published, or with each iteration; a
            training without epochs always steps with its iterations.
    """

    def __init__(self, by_epoch: bool = True) -> None:
        self.by_epoch = by_epoch
        self._quantizers: list[BinaryQuantizer] = []

    def before_train(self, runner: Runner) -> None:
        """Find the quantisers."""
        self._quantizers = [
            module
            for module in plain_model(runner).modules()
            if isinstance(module, BinaryQuantizer) and module.gradient == 'anneal'
        ]

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: object = None) -> None:
        """Set all of them to the share of the training that is done."""
        if not self._quantizers:
            return
        if self.by_epoch and runner.max_epochs > 1:
            done = runner.epoch / runner.max_epochs
        else:
            done = runner.iter / runner.max_iters
        for quantizer in self._quantizers:
            quantizer.anneal(min(done, 1.0))
