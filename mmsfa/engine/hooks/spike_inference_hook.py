"""Validate and test on binary spikes."""

from __future__ import annotations

from contextlib import ExitStack

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from mmsfa.engine.plain_model import plain_model
from mmsfa.spiking.inference.spike_inference import MODES, Mode, spike_inference


@HOOKS.register_module()
class SpikeInferenceHook(Hook):
    """Runs validation and test in another form of inference; training stays as it is.

    Args:
        mode: See :func:`mmsfa.spiking.inference.spike_inference`.

    Raises:
        ValueError: The mode is unknown.
    """

    def __init__(self, mode: Mode = 'spikes') -> None:
        if mode not in MODES:
            raise ValueError(f'mode must be one of {", ".join(MODES)}, got {mode!r}.')
        self.mode = mode
        self._open: ExitStack | None = None

    def _before_iter(
        self, runner: Runner, batch_idx: int, data_batch: object = None, mode: str = 'train'
    ) -> None:
        # Not before the epoch: the loop puts the model into evaluation mode after that.
        if mode != 'train' and self._open is None:
            self._open = ExitStack()
            self._open.enter_context(spike_inference(plain_model(runner), self.mode))

    def _before_epoch(self, runner: Runner, mode: str = 'train') -> None:
        self._close()  # an epoch before may have been interrupted

    def _after_epoch(self, runner: Runner, mode: str = 'train') -> None:
        self._close()

    def before_train(self, runner: Runner) -> None:
        """Never train in another form, also after a validation that was interrupted."""
        self._close()

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None
