"""Keep in each checkpoint what a resumed run needs to end exactly as an uninterrupted one."""

from __future__ import annotations

import logging
from typing import Any

from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from mmsfa.rng_state import get_rng_state, set_rng_state

KEY = 'resume_state'  # in the checkpoint


@HOOKS.register_module()
class ExactResumeHook(Hook):
    """States of all random number generators of all ranks, and of the loop, in the checkpoint.

    What a validation draws does not count: the training goes on with the numbers that it would have
    drawn without one.

    With the loops of `mmsfa.engine.loops` a run that was interrupted anywhere and resumed gives the
    same weights, bit for bit, on the same machine and number of processes.
    """

    # Last, so that whatever other hooks draw before the first batch is forgotten.
    priority = 'LOWEST'

    def __init__(self) -> None:
        self._loaded: dict[str, Any] | None = None
        self._before_val: dict[str, Any] | None = None
        self._all_ranks: list[dict[str, Any]] | None = None
        self._warned = False

    def before_collective_save(self, runner: Runner) -> None:
        """Gather the states; AtomicCheckpointHook calls it on every rank before a save."""
        state = self._before_val or get_rng_state()
        self._all_ranks = all_gather_object(state) if get_world_size() > 1 else [state]

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Put the states into the checkpoint."""
        if 'optimizer' not in checkpoint:  # a file to be tested, not to be resumed
            return
        states = self._all_ranks or [self._before_val or get_rng_state()]
        state = checkpoint[KEY] = dict(rng=states)
        if hasattr(runner.train_loop, 'state_dict'):
            state['loop'] = runner.train_loop.state_dict(checkpoint['meta']['epoch'])
            state['validated'] = self._before_val is not None
        self._all_ranks = None
        self._warn_of_lost_gradients(runner, checkpoint['meta']['iter'])

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Keep the states until the training begins."""
        self._loaded = checkpoint.get(KEY)

    def before_train(self, runner: Runner) -> None:
        """Go to the place in the data where the checkpoint was written."""
        if runner.iter == 0:  # a fine-tuning: its later epochs must not take the states either
            self._loaded = None
        ours = hasattr(runner.train_loop, 'load_state_dict')
        if self._loaded and ours and 'loop' in self._loaded:
            runner.train_loop.load_state_dict(self._loaded['loop'])
            if not self._loaded.get('validated', True):
                self._validate(runner)

    def _validate(self, runner: Runner) -> None:
        """The validation that came after the checkpoint, else the best one may be missed."""
        if runner.val_loop is not None and runner.train_loop.validation_is_due():
            runner.logger.info('The validation that follows the checkpoint is run first.')
            runner.val_loop.run()

    def before_train_epoch(self, runner: Runner) -> None:
        """Set the generators, once after a resume."""
        if self._loaded is None:
            return
        states, self._loaded = self._loaded['rng'], None
        if len(states) == get_world_size():
            set_rng_state(states[get_rank()])
            return
        print_log(
            f'The checkpoint holds the random number generators of {len(states)} processes and '
            f'this run has {get_world_size()}: the result will not be that of an uninterrupted '
            'run. (Only AtomicCheckpointHook stores those of several processes.)',
            logger='current',
            level=logging.WARNING,
        )

    def before_val(self, runner: Runner) -> None:
        """Remember the generators of the training."""
        self._before_val = get_rng_state()

    def after_val(self, runner: Runner) -> None:
        """Give the training its generators back."""
        if self._before_val is not None:
            set_rng_state(self._before_val)
        self._before_val = None

    def _warn_of_lost_gradients(self, runner: Runner, iters: int) -> None:
        counts = getattr(runner.optim_wrapper, '_accumulative_counts', 1)
        if iters % counts and iters < runner.max_iters and not self._warned:
            self._warned = True
            print_log(
                f'The checkpoint lies within the {counts} iterations whose gradients are added up, '
                'and gradients are not stored: a run that is resumed from it will not be that of '
                'an uninterrupted one. Make the interval of the checkpoints a multiple of '
                'accumulative_counts.',
                logger='current',
                level=logging.WARNING,
            )
