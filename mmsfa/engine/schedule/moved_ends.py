"""Schedulers that were to end with the run, and now must end with a longer one."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from mmengine.optim import _ParamScheduler

from .run_length import Length


class MovedEnds:
    """Takes explicit ends in a config from the old length of a run to the new one.

    A config that says ``end=600`` beside ``max_iters=600`` means the end of the run. Raising
    ``max_iters`` alone would leave the learning rate at its last value from there on.

    Args:
        written_for: Lengths that the ends in the config may have been written for.
        new: Length of the run that resumes.

    Attributes:
        moves: What was moved, in words.
    """

    def __init__(self, written_for: list[Length], new: Length) -> None:
        self.written_for = written_for
        self.new = new
        self.moves: list[str] = []

    def apply(self, schedulers: Any) -> Any:
        """Settings of schedulers, with the ends moved.

        Args:
            schedulers: ``param_scheduler`` of a config: a dict, a list, or a dict by optimizer.

        Returns:
            A copy; what is no setting but a scheduler stays as it is.
        """
        if isinstance(schedulers, _ParamScheduler) or schedulers is None:
            return schedulers
        if isinstance(schedulers, (list, tuple)):
            return [self.apply(one) for one in schedulers]
        if 'type' not in schedulers:
            return {name: self.apply(one) for name, one in schedulers.items()}
        settings = deepcopy(schedulers)
        for old in self.written_for:
            if old.end <= self.new.end and self._move(settings, old):
                break
        return settings

    def _move(self, settings: dict[str, Any], old: Length) -> bool:
        epochs = settings.get('by_epoch', True)
        was, now = (one.epochs if epochs else one.iters for one in (old, self.new))
        begin, end = settings.get('begin', 0), settings.get('end')
        if was == now or (end is not None and end != was) or now <= begin:
            return False
        kind = settings['type']
        name = kind if isinstance(kind, str) else kind.__name__
        if end is not None:
            settings['end'] = now
            self.moves.append(f'the end of {name} moves from {was} to {now}')
        for key in ('T_max', 'total_steps'):
            if settings.get(key) == was - begin:
                settings[key] = now - begin
                self.moves.append(f'{key} of {name} moves from {was - begin} to {now - begin}')
        return True
