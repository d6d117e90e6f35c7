"""Which part of a training step each hook, and the loading of data, takes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from mmengine.registry import HOOKS
from mmengine.runner import Runner

from mmsfa.engine.loader import ResumableDataLoader
from mmsfa.engine.plain_model import plain_model

LOADER = 'ResumableDataLoader'
WARM_UP = 5  # steps before those that count


class _TimedDataset:
    """Stands in for a data set and measures how long its own samples take."""

    def __init__(self, dataset: Any, timed: Callable) -> None:
        self._dataset = dataset
        self._get = timed('samples', dataset.__getitem__)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dataset, name)

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> Any:
        return self._get(index)


class Enough(Exception):
    """As many steps as wanted were measured."""


class TrainingCosts:
    """Seconds that the hooks of a runner spend in its training steps.

    A step lasts from the end of one to the end of the next, its data included; what hooks do
    between two epochs, such as saving, is left out. On a GPU a hook that waits for the device is
    charged for what it waits for.

    Args:
        runner: Before its training.
        steps: How many count; then `Enough` ends the training.
    """

    def __init__(self, runner: Runner, steps: int) -> None:
        self.wanted = steps
        self.seconds: dict[str, float] = defaultdict(float)
        self.steps: list[float] = []
        self._begin: float | None = None
        self._runner = runner
        runner.call_hook = self._call_hook

    def per_step(self) -> dict[str, float]:
        """Milliseconds in one step: of each hook, of the loader beyond its data set's samples."""
        spent = dict(self.seconds)
        if LOADER in spent:
            spent[LOADER] -= spent.pop('samples', 0.0)
        counted = max(len(self.steps), 1)
        return {name: 1000 * seconds / counted for name, seconds in spent.items()}

    def _timed(self, name: str, function: Callable) -> Callable:
        def call(*args: Any, **kwargs: Any) -> Any:
            begin = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                if self._counts():
                    self.seconds[name] += time.perf_counter() - begin

        return call

    def _counts(self) -> bool:
        return self._runner.iter >= WARM_UP

    def _call_hook(self, name: str, **kwargs: Any) -> None:
        for hook in self._runner.hooks:
            if hasattr(hook, name):
                in_step = name in ('before_train_iter', 'after_train_iter')
                call = getattr(hook, name)
                label = type(hook).__name__
                (self._timed(label, call) if in_step else call)(self._runner, **kwargs)
        if name == 'before_train':
            self._time_inner_hooks()
            self._time_loader()
        elif name == 'before_train_epoch':
            self._begin = time.perf_counter()
        elif name == 'after_train_iter':
            now = time.perf_counter()
            if self._counts() and self._begin is not None:
                self.steps.append(now - self._begin)
            self._begin = now
            if len(self.steps) >= self.wanted:
                raise Enough

    def _time_inner_hooks(self) -> None:
        """Those that our hooks have put into the model and the optimizer."""
        model, optimizer = plain_model(self._runner), self._runner.optim_wrapper.optimizer
        names = {hook.__module__: hook.__name__ for hook in HOOKS.module_dict.values()}
        for inner in (model._forward_hooks, optimizer._optimizer_step_pre_hooks):
            for key, function in inner.items():
                if function.__module__ in names:
                    inner[key] = self._timed(names[function.__module__], function)

    def _time_loader(self) -> None:
        loader = self._runner.train_dataloader
        if isinstance(loader, ResumableDataLoader) and loader.num_workers == 0:
            fetcher = loader.fetcher
            fetcher.dataset = _TimedDataset(fetcher.dataset, self._timed)
            loader.dataset.__getitems__ = self._timed(LOADER, fetcher)
