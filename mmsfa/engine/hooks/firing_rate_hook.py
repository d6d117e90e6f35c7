"""Log how much of the network fires."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from mmsfa.spiking.firing_rate import FiringRateCounter


@HOOKS.register_module()
class FiringRateHook(Hook):
    """Adds ``firing_rate/mean`` and ``firing_rate/<stage>`` to the metrics of validation and test.

    They stand beside the accuracy in the log, the JSON files and every visualisation backend.

    Args:
        interval: Count every n-th batch of a validation; a test counts every batch.
        per_layer: Also log each neuron under its own name.
    """

    # Before RuntimeInfoHook, which hands the metrics on to the logger.
    priority = 'HIGHEST'

    def __init__(self, interval: int = 1, per_layer: bool = False) -> None:
        if not isinstance(interval, int) or interval < 1:
            raise ValueError(f'interval must be an integer >= 1 (batches), got {interval!r}.')
        self.interval = interval
        self.per_layer = per_layer
        self.counter: FiringRateCounter | None = None

    def _before_epoch(self, runner: Runner, mode: str = 'train') -> None:
        if mode != 'train':
            model = runner.model
            while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
                model = model.module
            self.counter = FiringRateCounter(model)

    def _before_iter(
        self, runner: Runner, batch_idx: int, data_batch: object = None, mode: str = 'train'
    ) -> None:
        if self.counter and (mode == 'test' or batch_idx % self.interval == 0):
            self.counter.attach()

    def _after_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: object = None,
        outputs: Sequence | dict | None = None,
        mode: str = 'train',
    ) -> None:
        if self.counter:
            self.counter.detach()

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Add the rates of a validation to its metrics."""
        self._add_to(metrics)

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Add the rates of a test to its metrics."""
        self._add_to(metrics)

    def _add_to(self, metrics: dict[str, float] | None) -> None:
        if self.counter is None:
            return
        rates = self.counter.rates(self.per_layer)
        if metrics is not None:
            metrics.update({f'firing_rate/{name}': rate for name, rate in rates.items()})
        self.counter = None
