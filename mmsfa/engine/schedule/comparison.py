"""Compare the schedule of a checkpoint with the one of the config."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mmengine.optim import OptimWrapper, OptimWrapperDict, _ParamScheduler
from mmengine.runner import Runner

from .replay import scheduled_keys

# What a scheduler remembers of its way so far; everything else of it is its settings.
_PROGRESS = {
    *('last_step', '_global_step', '_last_value', 'base_values', 'optimizer', 'verbose'),
    *('best', 'num_bad_epochs', 'cooldown_counter'),
}


@dataclass
class Part:
    """One optimizer with its schedulers, and what a checkpoint holds of it.

    Attributes:
        optimizer: New, as the config says.
        schedulers: New, of this optimizer.
        old_groups: Parameter groups in the checkpoint, in the order of the optimizer's.
        old_schedulers: States in the checkpoint; None if it holds none.
    """

    optimizer: OptimWrapper
    schedulers: list[_ParamScheduler]
    old_groups: list[dict[str, Any]]
    old_schedulers: list[dict[str, Any]] | None

    def differences(self) -> list[str]:
        """In what the new schedule is not the old one, in words."""
        found = []
        for new, old in zip(self.optimizer.param_groups, self.old_groups, strict=False):
            now, was = (group.get('initial_lr', group['lr']) for group in (new, old))
            if now != was:
                found.append(f'the initial lr is {now:.4g} (was {was:.4g})')
                break
        if self.old_schedulers is None:
            return found + ['the checkpoint holds no schedule'] * bool(self.schedulers)
        if len(self.schedulers) != len(self.old_schedulers):
            numbers = f'{len(self.schedulers)} (was {len(self.old_schedulers)})'
            return [*found, f'the number of schedulers is {numbers}']
        for scheduler, state in zip(self.schedulers, self.old_schedulers, strict=True):
            found += _changes(type(scheduler).__name__, scheduler.state_dict(), state)
        return found

    def overwrite_old(self) -> None:
        """Put what is scheduled now into the checkpoint, for the optimizer to load."""
        pairs = list(zip(self.optimizer.param_groups, self.old_groups, strict=False))
        keys = scheduled_keys([group for pair in pairs for group in pair])
        for new, old in pairs:
            for key in keys:
                old.pop(key, None)
            old.update({key: new[key] for key in keys & set(new)})


def _changes(name: str, new: dict[str, Any], old: dict[str, Any]) -> list[str]:
    """In what the settings of two states of a scheduler differ, in words."""
    new, old = ({k: v for k, v in one.items() if k not in _PROGRESS} for one in (new, old))
    if set(new) != set(old):
        return [f'{name} is new']
    changed = [key for key in new if new[key] != old[key]]
    public = [key for key in changed if not key.startswith('_')]
    if changed and not public:
        return [f'{name} has changed']
    return [f'{name}.{key} is {_plain(new[key])} (was {_plain(old[key])})' for key in public]


def _plain(value: Any) -> Any:
    """Milestones are kept as a `Counter`."""
    return sorted(value.elements()) if isinstance(value, Counter) else value


def parts_of(runner: Runner, checkpoint: dict[str, Any]) -> Iterator[Part]:
    """Each optimizer of a runner with its part of a checkpoint."""
    wrapper, schedulers = runner.optim_wrapper, runner.param_schedulers
    states, old = checkpoint['optimizer'], checkpoint.get('param_schedulers')
    if not isinstance(wrapper, OptimWrapperDict):
        yield Part(wrapper, schedulers or [], _groups(states), old)
        return
    for name, one in wrapper.items():
        mine, was = schedulers[name] if schedulers else [], old.get(name) if old else None
        yield Part(one, mine, _groups(states[name]), was)


def _groups(state: dict[str, Any]) -> list[dict[str, Any]]:
    """Parameter groups of a stored optimizer, in the order of `OptimWrapper.param_groups`."""
    base = state.get('base_param_settings')
    return state['param_groups'] + ([] if base is None else [base])
