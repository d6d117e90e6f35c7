"""Figures of several variants that take turns: a clock, the machine, medians and their ratios."""

from __future__ import annotations

import math
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

Rounds = dict[str, list[float]]  # variant -> one value a round


def seconds(call: Callable[[], Any], device: str) -> float:
    """How long one call takes, until the device has finished.

    Args:
        call: Its result is dropped.
        device: Where it runs, such as ``'cpu'``.
    """
    wait = torch.cuda.synchronize if is_cuda(device) else lambda: None
    wait()
    begin = time.perf_counter()
    call()
    wait()
    return time.perf_counter() - begin


def machine_name(device: str) -> str:
    """The machine, for the log."""
    if is_cuda(device):
        return torch.cuda.get_device_name(device)
    return f'{platform.machine()} CPU, {torch.get_num_threads()} threads'


def is_cuda(device: str) -> bool:
    """Whether a device is a GPU of CUDA."""
    return torch.device(device).type == 'cuda'


def ratio_to(first: str, name: str, values: Rounds) -> float:
    """Median ratio of a variant to the first one, round by round; NaN where that is 0."""
    pairs = list(zip(values[name], values[first], strict=True))
    return statistics.median(a / b for a, b in pairs) if all(b for _, b in pairs) else math.nan


def medians(values: Rounds) -> list[str]:
    """The median of each variant and, in brackets, its ratio to the first one."""
    first = next(iter(values))
    return [
        f'{statistics.median(values[name]):.4g} ({ratio_to(first, name, values):.2f}x)'
        for name in values
    ]
