"""Log how much of the network fires, and what energy that costs."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from mmsfa.engine.plain_model import plain_model
from mmsfa.spiking.measure.energy import EnergyCosts
from mmsfa.spiking.measure.firing_rate import FiringRateCounter
from mmsfa.spiking.measure.idle_watch import IdleWatch
from mmsfa.spiking.measure.operations import OperationCounter
from mmsfa.spiking.measure.stages import by_stage
from mmsfa.spiking.measure.statistics import SATURATED
from mmsfa.spiking.measure.totals import Totals


@HOOKS.register_module()
class FiringRateHook(Hook):
    """Adds firing rates and energies to the metrics of validation and test.

    ``firing_rate/mean`` and ``firing_rate/<stage>`` are mean count / D, ``energy_mj/total`` and
    ``energy_mj/<stage>`` millijoule for one picture. They stand beside the accuracy in the log, the
    JSON files and every visualisation backend. Neurons that are silent, or emit D spikes, in a
    whole validation are named once; batches that are not counted are watched for that as well.

    Args:
        interval: Count every n-th batch of a validation; a test counts every batch.
        per_layer: Also log the rate of each neuron under its own name.
        energy: Count operations and log energies.
        mac_pj: Energy of a multiply-accumulate in picojoule.
        ac_pj: Energy of an addition in picojoule.

    Raises:
        ValueError: The interval is no integer >= 1, or an energy is negative.
    """

    # Before RuntimeInfoHook, which hands the metrics on to the logger.
    priority = 'HIGHEST'

    def __init__(
        self,
        interval: int = 1,
        per_layer: bool = False,
        energy: bool = True,
        mac_pj: float = 4.6,
        ac_pj: float = 0.9,
    ) -> None:
        if not isinstance(interval, int) or interval < 1:
            raise ValueError(f'interval must be an integer >= 1 (batches), got {interval!r}.')
        self.interval = interval
        self.per_layer = per_layer
        self.energy = energy
        self.costs = EnergyCosts(mac_pj, ac_pj)
        self.rates: FiringRateCounter | None = None
        self.operations: OperationCounter | None = None
        self.idle: IdleWatch | None = None
        self.pictures = Totals(['pictures'], width=1)
        self._counting = False
        self._named: set[str] = set()

    def before_train(self, runner: Runner) -> None:
        """Never count in training, also after a validation that was interrupted."""
        self._stop()

    def _before_epoch(self, runner: Runner, mode: str = 'train') -> None:
        self._stop()
        if mode != 'train':
            model = plain_model(runner)
            self.rates = FiringRateCounter(model)
            self.idle = IdleWatch(model)
            spiking = self.energy and self.rates.totals.names
            self.operations = OperationCounter(model) if spiking else None
            self.pictures = Totals(['pictures'], width=1)

    def _before_iter(
        self, runner: Runner, batch_idx: int, data_batch: object = None, mode: str = 'train'
    ) -> None:
        if self.rates and (mode == 'test' or batch_idx % self.interval == 0):
            self._counting = True
            self.rates.attach()
            if self.operations:
                self.operations.attach()
        elif self.idle and mode != 'train':
            self.idle.attach()

    def _after_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: object = None,
        outputs: Sequence | dict | None = None,
        mode: str = 'train',
    ) -> None:
        if self._counting:
            self.pictures.add('pictures', len(outputs or ()))
        self._stop()

    def _stop(self) -> None:
        if self.idle:
            self.idle.detach()
        if self._counting:
            self._counting = False
            if self.operations:
                self.operations.detach()
            if self.rates:
                self.rates.detach()

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Add what a validation has counted to its metrics."""
        self._add_to(metrics)

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Add what a test has counted to its metrics."""
        self._add_to(metrics)

    def _add_to(self, metrics: dict[str, float] | None) -> None:
        if self.rates is None:
            return
        found = {f'firing_rate/{k}': rate for k, rate in self.rates.rates(self.per_layer).items()}
        found |= {f'energy_mj/{name}': energy for name, energy in self._energies().items()}
        self._name_idle_layers()
        if metrics is not None:
            metrics.update(found)
        self.rates = self.operations = self.idle = None

    def _energies(self) -> dict[str, float]:
        """Millijoule for one picture: the total, then each stage."""
        if self.operations is None:
            return {}
        layers = self.operations.layers()
        pictures = self.pictures.over_all_ranks()['pictures'][0]
        if not pictures:
            return {}
        energies = {
            name: self.costs.spiking_mj(one.analog_macs, one.acs) / pictures
            for name, one in layers.items()
        }
        return dict(total=sum(energies.values())) | by_stage(energies)

    def _name_idle_layers(self) -> None:
        if self.rates is None or self.idle is None:
            return
        watched = self.idle.totals.over_all_ranks()
        rates = {
            name: (fired + watched[name][0]) / (can + watched[name][1])
            for name, (fired, can) in self.rates.layer_totals().items()
        }
        silent = [n for n, rate in rates.items() if rate == 0 and n not in self._named]
        full = [n for n, rate in rates.items() if rate > SATURATED and n not in self._named]
        self._named.update(silent, full)
        what = [f'{len(silent)} never fire: {", ".join(silent)}'] if silent else []
        what += [f'{len(full)} always fire D: {", ".join(full)}'] if full else []
        if what:
            print_log(
                f'Of {len(rates)} neuron layers {"; ".join(what)}. They hand on no information; '
                'each is named once.',
                logger='current',
                level=logging.WARNING,
            )
