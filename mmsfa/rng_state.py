"""The state of every random number generator of this process, as plain data."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.random import SeedSequence
from torch.random import default_generator


def get_rng_state(device: bool = True) -> dict[str, Any]:
    """States of Python, numpy, torch's CPU generator and this process's GPU.

    Args:
        device: Whether the state of the GPU is asked for, which waits for it.

    Returns:
        Tensors, numbers and tuples only, so that a checkpoint with them loads without running code.
    """
    name, key, *position = np.random.get_state()
    state = dict(
        python=random.getstate(),
        numpy=(name, torch.from_numpy(np.asarray(key).astype(np.int64)), *position),
        torch=default_generator.get_state(),
    )
    if device and torch.cuda.is_available() and torch.cuda.is_initialized():
        state['cuda'] = torch.cuda.get_rng_state()
    return state


def set_rng_state(state: dict[str, Any]) -> None:
    """Go back to what `get_rng_state` gave."""
    version, inner, gauss = state['python']
    random.setstate((version, tuple(inner), gauss))
    name, key, *position = state['numpy']
    # mmengine loads a checkpoint onto the GPU, where numpy and these generators cannot read it
    np.random.set_state((name, key.cpu().numpy().astype(np.uint32), *position))
    default_generator.set_state(state['torch'].cpu())
    if 'cuda' in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state['cuda'].cpu())


def same_rng_state(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether nothing was drawn on the CPU between two states."""
    (name, key, *position), (other_name, other_key, *other_position) = one['numpy'], other['numpy']
    return (
        one['python'] == other['python']
        and (name, *position) == (other_name, *other_position)
        and torch.equal(key, other_key)
        and torch.equal(one['torch'], other['torch'])
    )


@contextmanager
def isolated_rng(device: bool = False) -> Iterator[None]:
    """Whatever is drawn inside leaves the generators outside as they were.

    Args:
        device: Whether the GPU's generator is kept too.
    """
    state = get_rng_state(device)
    try:
        yield
    finally:
        set_rng_state(state)


def seed_cpu(*numbers: int) -> None:
    """Seed the generators of Python, numpy and torch's CPU from several numbers.

    `torch.manual_seed` would seed the GPUs as well.

    Args:
        *numbers: Not negative; every other tuple gives independent streams.
    """
    seeds = SeedSequence(numbers).generate_state(3)  # 32 bits each
    random.seed(int(seeds[0]))
    np.random.seed(seeds[1])
    default_generator.manual_seed(int(seeds[2]))
