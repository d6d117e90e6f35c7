"""A resumed run follows the schedule of its config, and says where that is a new one."""

from __future__ import annotations

import logging
from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from mmsfa.engine.schedule import Length, MovedEnds, back_to_start, parts_of, replay

KEY = 'schedule_written_for'  # in the message hub: the length of the first run, as [epochs, iters]


@HOOKS.register_module()
class ScheduleHook(Hook):
    """Rebuilds the schedule when ``max_epochs``, ``max_iters``, the lr or a scheduler has changed.

    mmengine resumes all schedulers and the learning rate from the checkpoint, whatever the config
    says: after a change of the config the rate is frozen without a word. Here the schedule of the
    config is stepped to the resumed iteration, as if the run had had it from the beginning, and
    one line says so. Where nothing has changed, nothing is done.

    In epoch-based training the place in the schedule is counted in epochs, also when an epoch has
    another number of iterations than before (other batch size or number of processes).

    Args:
        move_ends: Take schedulers whose explicit ``end`` (also ``T_max``, ``total_steps``) was the
            end of the run to the end of a longer run.
    """

    def __init__(self, move_ends: bool = True) -> None:
        self.move_ends = move_ends

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Compare, and put the new schedule in the place of the old one."""
        if not runner._resume or not isinstance(runner.optim_wrapper, OptimWrapper):
            return
        new = Length.of(runner)
        old = Length.of_checkpoint(checkpoint, new.by_epoch)
        done = checkpoint['meta']['epoch' if new.by_epoch else 'iter']
        if done >= new.end:
            option = 'max_epochs' if new.by_epoch else 'max_iters'
            _say(
                f'The checkpoint has finished {done} {new.unit}s and {option} is {new.end}, so '
                f'nothing is left to train: raise {option}, or test the checkpoint.',
                logging.WARNING,
            )
        elif 'optimizer' in checkpoint:
            length = '' if old in (None, new) else f' (was {old.in_words(new)})'
            at = f'Resuming at {new.unit} {done} of {new.in_words(old)}{length}: '
            self._compare(runner, checkpoint, old, new, at)

    def _compare(
        self, runner: Runner, checkpoint: dict[str, Any], old: Length | None, new: Length, at: str
    ) -> None:
        moves = self._move_ends(runner, checkpoint, old, new)
        parts = list(parts_of(runner, checkpoint))
        reasons = [reason for part in parts for reason in part.differences()]
        schedulers = [one for part in parts for one in part.schedulers]
        if not reasons:
            if old not in (None, new):
                _say(f'{at}no scheduler depends on the length, so the schedule goes on as it was.')
            return
        if any(getattr(one, 'need_val_args', False) or one._global_step for one in schedulers):
            _say(
                f'{at}{reasons[0]}, but the schedule of the checkpoint goes on, because it cannot '
                'be repeated without the metrics of all validations.',
                logging.WARNING,
            )
            return
        was = parts[0].old_groups[0]['lr']
        steps = [(part.optimizer, part.schedulers) for part in parts]
        replay(runner, steps, *new.place(checkpoint['meta'], old))
        for part in parts:
            part.overwrite_old()
        checkpoint.pop('param_schedulers', None)
        now = parts[0].optimizer.param_groups[0]['lr']
        _say(
            f'{at}the learning-rate schedule is rebuilt; lr is now {now:.4g} (the checkpoint had '
            f'{was:.4g}); {"; ".join(moves or reasons[:3])}.'
        )

    def _move_ends(
        self, runner: Runner, checkpoint: dict[str, Any], old: Length | None, new: Length
    ) -> list[str]:
        """Build the schedulers again if some were to end with the run; gives the moves in words."""
        if old is None or not self.move_ends:
            return []
        hub = checkpoint['message_hub']
        first = hub['runtime_info'].get(KEY, [old.epochs, old.iters])
        epochs, iters = first
        ends = MovedEnds([Length(epochs, iters, new.by_epoch), old], new)
        settings = ends.apply(runner.cfg.get('param_scheduler'))
        if ends.moves:
            back_to_start(runner.optim_wrapper)
            runner.param_schedulers = runner.build_param_scheduler(settings)
            # The config keeps its ends, so the next resume must know what they mean.
            hub['runtime_info'][KEY] = first
            hub['resumed_keys'][KEY] = True
        return ends.moves


def _say(message: str, level: int = logging.INFO) -> None:
    print_log(message, logger='current', level=level)
