"""Stop a run whose numbers are lost, while its weights and its checkpoints are still good."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import is_distributed
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import nn

from mmsfa.engine.numerics import (
    JudgedBatch,
    first_bad_layer,
    nan_of,
    non_finite_of,
    tensors_in,
)
from mmsfa.engine.plain_model import plain_model
from mmsfa.errors import UserError


class NonFiniteError(UserError, FloatingPointError):
    """NaN or infinity in the loss, the gradients or the weights."""


@HOOKS.register_module()
class NumericsHook(Hook):
    """Stops a training at the first NaN or infinity, before it reaches weights or a checkpoint.

    The loss is judged between its backward pass and the optimizer's step, gradients where they are
    clipped (their norm is at hand then), weights and optimizer before every save. A forward pass
    that breaks, such as an assigner on NaN, is looked through for bad numbers, in the loops of
    `mmsfa.engine.loops` (others tell nobody of it). The sentence names the iteration, the first bad
    layer, the last good checkpoint and the pictures of the batch.

    Args:
        patience: Non-finite losses in a row that stop a run with a loss scaler (fp16): it skips
            those steps itself, so the weights stay good, and a rare one is ordinary. Without a
            loss scaler the first one stops the run.

    Raises:
        ValueError: The patience is no integer >= 1.
    """

    # After the hook that puts averaged weights into a checkpoint, before the one that saves it.
    priority = 'LOW'

    def __init__(self, patience: int = 10) -> None:
        if not isinstance(patience, int) or patience < 1:
            raise ValueError(f'patience must be an integer >= 1 (iterations), got {patience!r}.')
        self.patience = patience
        self._undo: list[Callable[[], None]] = []
        self._called: JudgedBatch | None = None  # while the model works on it
        self._batch: JudgedBatch | None = None
        self._last: JudgedBatch | None = None  # with a finite loss
        self._in_a_row = 0
        self._infinite_by_design: set[str] = set()

    def before_train(self, runner: Runner) -> None:
        """Start watching.

        Raises:
            NonFiniteError: The weights are lost already.
        """
        self._stop()
        model = plain_model(runner)
        self._check_start(runner, model)

        # Plain functions: a deep copy of the model must not copy this hook and the whole runner.
        def before(_model: nn.Module, args: tuple, kwargs: dict) -> None:
            if _is_training(args, kwargs):
                self._called = JudgedBatch.before(args, kwargs)

        def forward(_model: nn.Module, args: tuple, kwargs: dict, losses: Any) -> None:
            if _is_training(args, kwargs):
                self._judge(runner)  # a second pass in one iteration
                self._called, self._batch = None, JudgedBatch.of(args, kwargs, losses)

        def step(*_: Any) -> None:
            self._judge(runner)
            self._judge_gradients(runner)

        self._undo.append(model.register_forward_pre_hook(before, with_kwargs=True).remove)
        self._undo.append(model.register_forward_hook(forward, with_kwargs=True).remove)
        for wrapper in _wrappers(runner):
            self._undo.append(wrapper.optimizer.register_step_pre_hook(step).remove)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: object = None,
        outputs: Sequence | dict | None = None,
    ) -> None:
        """Judge the loss of an iteration without a step (accumulation, loss scaler)."""
        self._judge(runner)

    def after_failed_iter(self, runner: Runner, error: BaseException) -> None:
        """Say so where a forward pass broke on numbers that are not finite.

        Raises:
            NonFiniteError: Instead of what the pass has raised.
        """
        known = isinstance(error, (UserError, torch.OutOfMemoryError))
        if known or not isinstance(error, Exception):  # such as an interrupt
            return
        if where := self._where_it_broke(runner):
            first = (str(error).strip() or 'no message').splitlines()[0]
            raise NonFiniteError(
                f'Iteration {runner.iter + 1}: the forward pass broke on numbers that are not '
                f'finite ({type(error).__name__}: {first}); {where}. {_what_to_do(runner)}.'
            ) from error

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Judge what is about to be written.

        Raises:
            NonFiniteError: Its weights, or the moments of its optimizer, are not finite.
        """
        bad = [
            name
            for part in ('state_dict', 'ema_state_dict')
            for name in non_finite_of(checkpoint.get(part, {}).items())
            if name.removeprefix('module.') not in self._infinite_by_design  # of averaged weights
        ]
        if bad:
            iteration = checkpoint['meta'].get('iter')
            raise NonFiniteError(
                f'After iteration {iteration} {len(bad)} weights are not finite, the first of them '
                f'{bad[0]}; nothing was written. {_what_to_do(runner)}.'
            )
        # Where a square overflows, Adam divides by infinity: the weight never moves again.
        if stuck := non_finite_of(enumerate(tensors_in(checkpoint.get('optimizer')))):
            raise NonFiniteError(
                f'After iteration {checkpoint["meta"].get("iter")} {len(stuck)} moments of the '
                'optimizer are not finite: gradients, or their squares, were too large, and the '
                f'weights they belong to can learn no more. Nothing was written. '
                f'{_what_to_do(runner)}.'
            )

    def after_train(self, runner: Runner) -> None:
        """Leave the model and the optimizer as they were."""
        self._stop()

    def _stop(self) -> None:
        while self._undo:
            self._undo.pop()()
        self._called, self._batch, self._last, self._in_a_row = None, None, None, 0

    def _where_it_broke(self, runner: Runner) -> str | None:
        batch, self._called = self._called, None
        with suppress(Exception):  # a device that has failed answers nothing any more
            return None if batch is None else self._bad_place(runner, batch)
        return None

    def _check_start(self, runner: Runner, model: nn.Module) -> None:
        """Masks may hold infinity on purpose, trained weights never."""
        infinite = set(non_finite_of(model.named_buffers()))
        lost = non_finite_of(model.named_parameters()) + nan_of(model.named_buffers())
        if lost:
            loaded = f' Look at {runner._load_from}.' if runner._load_from else ''
            raise NonFiniteError(
                f'{len(lost)} weights are not finite before the first iteration, the first of '
                f'them {lost[0]}.{loaded}'
            )
        self._infinite_by_design = infinite

    def _judge(self, runner: Runner) -> None:
        batch, self._batch = self._batch, None
        if batch is None:
            return
        if batch.is_finite():
            self._in_a_row, self._last = 0, batch
            return
        self._in_a_row += 1
        at = f'Iteration {runner.iter + 1}: the loss is not finite ({batch.terms_in_words()})'
        if self._in_a_row < self.patience and _has_loss_scaler(runner):
            print_log(
                f'{at}; the loss scaler skips this step. The run stops at {self.patience} in a '
                'row.',
                logger='current',
                level=logging.WARNING,
            )
            return
        raise NonFiniteError(
            f'{at}; {self._where(runner, batch)}. {_what_to_do(runner)}, or look at the pictures '
            f'of this batch{batch.files_in_words()}.'
        )

    def _where(self, runner: Runner, batch: JudgedBatch) -> str:
        return self._bad_place(runner, batch) or (
            'a second pass shows no bad layer, so the terms of the loss are where to look'
        )

    def _bad_place(self, runner: Runner, batch: JudgedBatch) -> str | None:
        if bad := batch.bad_inputs():
            return f'its input is not: {bad}'
        model = plain_model(runner)
        # Losses average over all processes, and the others are somewhere else.
        mode = 'tensor' if is_distributed() else 'loss'

        def run() -> None:
            with _wrappers(runner)[0].optim_context(model):
                batch.run(model, mode)

        layer = first_bad_layer(model, run)
        return layer and f'the first bad layer is {layer}'

    def _judge_gradients(self, runner: Runner) -> None:
        """Where gradients are clipped, their norm is already known on the host."""
        if not any(getattr(one, 'clip_grad_kwargs', None) for one in _wrappers(runner)):
            return  # a norm in the history is that of the run before the resume
        history = runner.message_hub.log_scalars.get('train/grad_norm')
        if history is None or _has_loss_scaler(runner) or math.isfinite(history.current()):
            return
        weights = plain_model(runner).named_parameters()
        grads = [(name, weight.grad) for name, weight in weights if weight.grad is not None]
        bad = non_finite_of(grads)
        if not bad:  # clipping by infinity has made zeros of them
            terms = self._last.terms_in_words() if self._last else 'terms unknown'
            raise NonFiniteError(
                f'Iteration {runner.iter + 1}: the loss is finite ({terms}), and so is each '
                f'gradient, but they are so large that their norm is {history.current()}: '
                'clipping by it has set all of them to 0. '
                f'{_last_good(runner)}: lower the loss_weight of the largest term, or look at what '
                'lets maps grow: BN in evaluation mode (frozen_stages, norm_eval) without '
                'pre-trained weights.'
            )
        # The backward pass comes from the end. Clipping by NaN has spread it to every layer.
        where = f', the last of them {bad[-1]}' if len(bad) < len(grads) else ''
        raise NonFiniteError(
            f'Iteration {runner.iter + 1}: the loss is finite, but its gradients are not: '
            f'{len(bad)} of {len(grads)} are bad{where}. {_what_to_do(runner)}.'
        )


def _is_training(args: tuple, kwargs: dict) -> bool:
    return kwargs.get('mode', args[2] if len(args) > 2 else None) == 'loss'


def _wrappers(runner: Runner) -> list[OptimWrapper]:
    wrapper = runner.optim_wrapper
    return list(wrapper.values()) if isinstance(wrapper, OptimWrapperDict) else [wrapper]


def _has_loss_scaler(runner: Runner) -> bool:
    scalers = [getattr(wrapper, 'loss_scaler', None) for wrapper in _wrappers(runner)]
    return any(scaler is not None and scaler.is_enabled() for scaler in scalers)


def _what_to_do(runner: Runner) -> str:
    return (
        f'{_last_good(runner)}: lower the learning rate, clip gradients (optim_wrapper.clip_grad)'
    )


def _last_good(runner: Runner) -> str:
    # The message hub names a checkpoint before it is written, this file afterwards.
    pointer = Path(runner.work_dir, 'last_checkpoint')
    last = pointer.read_text().strip() if pointer.is_file() else ''
    if not last and runner._resume:
        last = str(runner._load_from)
    return f'The last good checkpoint is {last}' if last else 'There is no checkpoint yet'
