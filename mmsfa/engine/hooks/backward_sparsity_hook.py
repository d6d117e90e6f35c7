"""Log how many gradients of a training step are not zero, and the energy of such a step."""

from __future__ import annotations

import logging

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from mmsfa.engine.plain_model import plain_model
from mmsfa.spiking.measure.backward import BackwardCounter
from mmsfa.spiking.measure.energy import EnergyCosts


@HOOKS.register_module()
class BackwardSparsityHook(Hook):
    """Counts the gradients of every n-th training iteration, in any model.

    In the log of the training: ``backward/nonzero``, the share of the gradients of all activations
    (neurons, ReLU) that are not zero; ``backward/step_mj``, the energy in millijoule of the layers
    in this step, forward and backward over its whole batch and all processes, with what zeros leave
    out; and ``backward/dense_step_mj``, with a multiply-accumulate for everything. In the
    visualisation backends also ``backward/nonzero/<name>`` of each activation and layer. What is
    counted: :class:`~mmsfa.spiking.measure.backward.BackwardCounter`.

    A CPU or GPU multiplies zeros, too: this is what hardware could save that skips them.

    Args:
        interval: Count every n-th iteration, beginning with the first.
        mac_pj: Energy of a multiply-accumulate in picojoule.
        ac_pj: Energy of an addition in picojoule.

    Raises:
        ValueError: The interval is no integer >= 1, or an energy is negative.
    """

    def __init__(self, interval: int = 50, mac_pj: float = 4.6, ac_pj: float = 0.9) -> None:
        if not isinstance(interval, int) or interval < 1:
            raise ValueError(f'interval must be an integer >= 1 (iterations), got {interval!r}.')
        self.interval = interval
        self.costs = EnergyCosts(mac_pj, ac_pj)
        self.counter: BackwardCounter | None = None
        self._said = False

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: object = None) -> None:
        """Begin, also where the step before was interrupted."""
        self._stop()
        if runner.iter % self.interval == 0:
            self.counter = BackwardCounter(plain_model(runner))
            self.counter.attach()

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: object = None,
        outputs: dict | None = None,
    ) -> None:
        """End, and log."""
        counter = self.counter
        self._stop()
        if counter is None:
            return
        shares, mean, step = counter.shares(), counter.share_of_activations(), counter.step()
        if not shares:
            self._say_nothing_came()
            return
        found = dict(
            step_mj=step.energy_mj(self.costs),
            dense_step_mj=step.dense_mj(self.costs),
            **({} if mean is None else {'nonzero': mean}),
        )
        for name, value in found.items():
            runner.message_hub.update_scalar(f'train/backward/{name}', value)
        layers = {f'backward/nonzero/{name}': share for name, share in shares.items()}
        runner.visualizer.add_scalars(layers, step=runner.iter + 1)

    def before_val(self, runner: Runner) -> None:
        """End, also after a step that was interrupted."""
        self._stop()

    def after_train(self, runner: Runner) -> None:
        """End."""
        self._stop()

    def _stop(self) -> None:
        if self.counter is not None:
            self.counter.detach()
            self.counter = None

    def _say_nothing_came(self) -> None:
        if not self._said:
            self._said = True
            print_log(
                'BackwardSparsityHook has seen no gradient: nothing that it watches has run with '
                'gradients. A compiled model (compile=True) does not call hooks: train without it '
                'to measure.',
                logger='current',
                level=logging.WARNING,
            )
