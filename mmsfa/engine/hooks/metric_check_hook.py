"""Say which metrics measured nothing, and which classes a mean leaves out."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from mmsfa.data_check.missing_classes import name_some
from mmsfa.engine.measured import is_measured

# COCO's figures of small, medium and large things: most sets lack one of them.
OF_SIZES = re.compile(r'_[sml](@\d+)?$')
OF_IOU = ('aAcc', 'mIoU', 'mAcc', 'mDice', 'mFscore', 'mPrecision', 'mRecall')


@HOOKS.register_module()
class MetricCheckHook(Hook):
    """Looks at what a validation or test could measure at all; each thing is said once a run.

    A mean of mmseg's ``IoUMetric`` silently leaves out the classes that no label map of the set
    shows and no prediction names, so a set with one class gives mIoU 100. Named are those classes,
    and metrics that are NaN, infinite, or the -1 of COCO. No value is changed.

    Attributes:
        trivial: Metrics of the last validation that no model can fail: one class alone was there.
            `AtomicCheckpointHook` makes no checkpoint the best one by them.
    """

    priority = 'LOW'

    def __init__(self) -> None:
        self.trivial: set[str] = set()
        self._absent: dict[str, list[str]] = {}
        self._only: dict[str, str] = {}
        self._said: set[str] = set()

    def after_val_iter(self, runner: Runner, batch_idx: int, *args: Any, **kwargs: Any) -> None:
        """Count once, behind the last batch: the evaluator then throws its counts away."""
        self._count(runner.val_loop, batch_idx)

    def after_test_iter(self, runner: Runner, batch_idx: int, *args: Any, **kwargs: Any) -> None:
        """As `after_val_iter`."""
        self._count(runner.test_loop, batch_idx)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Say what the metrics could not measure."""
        self._judge('validation', metrics or {})

    def after_test_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """As `after_val_epoch`."""
        self._judge('test', metrics or {})

    def _count(self, loop: Any, batch_idx: int) -> None:
        loader: Any = getattr(loop, 'dataloader', None)
        if not hasattr(loader, '__len__') or batch_idx + 1 != len(loader):
            return
        evaluator = getattr(loop, 'evaluator', None)
        self._absent, self._only = {}, {}
        for metric in getattr(evaluator, 'metrics', ()):
            if not any(kind.__name__ == 'IoUMetric' for kind in type(metric).__mro__):
                continue
            names = list((metric.dataset_meta or {}).get('classes') or ())
            shown = torch.zeros(len(names))
            if names and not getattr(metric, 'format_only', False):
                for areas in metric.results:  # intersection, union, prediction, ground truth
                    shown += areas[3].cpu() > 0
                all_reduce(shown)
                self._note(f'{metric.prefix}/' if metric.prefix else '', names, shown > 0)

    def _note(self, prefix: str, names: list[str], is_shown: torch.Tensor) -> None:
        shown = [name for name, there in zip(names, is_shown.tolist(), strict=True) if there]
        if len(shown) < len(names):
            self._absent[prefix] = [name for name in names if name not in set(shown)]
        if len(shown) <= 1 < len(names):
            self._only[prefix] = shown[0] if shown else 'none'

    def _judge(self, split: str, metrics: Mapping[str, Any]) -> None:
        self.trivial = {
            name
            for name in metrics
            for prefix in self._only
            if name.startswith(prefix) and name.removeprefix(prefix) in OF_IOU
        }
        for prefix, absent in self._absent.items():
            self._say(
                f'No label map of the {split} set shows {len(absent)} of the classes '
                f'({name_some(absent)}): {prefix}mIoU and the other means leave them out, or count '
                'them 0 where a prediction names them.'
            )
        for only in self._only.values():
            self._say(
                f'The label maps of the {split} set show no other class than {only}, so '
                f'{", ".join(sorted(self.trivial))} measure nothing and make no checkpoint the '
                'best one: check the values of the label maps (255 is ignored, which '
                'masks of 0 and 255 do not mean: write 1 instead).'
            )
        empty = [
            name
            for name, value in metrics.items()
            if _is_nothing(name, value) and not OF_SIZES.search(name)
        ]
        if empty:
            self._say(
                f'The {split} set has nothing to measure {name_some(empty)} by '
                f'({metrics[empty[0]]}): check its annotations if you expect a value.'
            )

    def _say(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            print_log(sentence, logger='current', level=logging.WARNING)


def _is_nothing(name: str, value: Any) -> bool:
    is_number = isinstance(value, (int, float)) or getattr(value, 'ndim', None) == 0
    return is_number and not is_measured(name, value)
