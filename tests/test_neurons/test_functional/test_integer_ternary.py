"""The ternary recursion in whole numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmsfa.neurons.functional import halved, integer_ternary_over_time
from tests.helpers.seeds import seeds


@pytest.mark.parametrize('name', ['layer_w4u4', 'layer_w2u8', 'layer_w8u4_k3'])
def test_parity(name: str, shared_dir: Path) -> None:
    def layer(inputs: dict[str, Any], config: dict[str, Any], state: None) -> dict[str, Any]:
        largest = 2 ** (config['bits_w'] - 1) - 1
        weight = torch.tensor(inputs['weight']) / config['alpha_w']
        weight = weight.round().clamp(-largest, largest)
        drive = torch.tensor(inputs['s_in']) @ weight.t()
        settings = (config['theta_int'], config['k'], config['bits_u'])
        found = [
            integer_ternary_over_time(drive.to(dtype), *settings)
            for dtype in (torch.int32, torch.int64, torch.float32, torch.float64)
        ]
        for other in found[1:]:
            assert all(map(torch.equal, found[0], (part.int() for part in other)))
        s, u, mem = (part.double() for part in found[0])
        return dict(w_int=weight, s=s, u_int=u, mem_int=mem, float_agrees=np.array(1.0))

    seeds(shared_dir).Case(f'ternary/{name}').check(layer)


@pytest.mark.parametrize('shift', [1, 2, 5])
def test_shifts_round_half_to_even_as_floats_do(shift: int) -> None:
    x = torch.arange(-300, 301)
    wanted = (x.double() / 2**shift).round()
    assert torch.equal(halved(x.int(), shift).double(), wanted)
    assert torch.equal(halved(x.double(), shift), wanted)


def test_each_channel_may_have_its_own_threshold_and_shift() -> None:
    drive = torch.randint(-40, 41, (6, 2, 3, 5), dtype=torch.int32)
    threshold = torch.tensor([[5], [11], [30]], dtype=torch.int32)
    shift = torch.tensor([[1], [2], [4]])
    together = integer_ternary_over_time(drive, threshold, shift, 4)
    for c in range(3):
        alone = integer_ternary_over_time(drive[:, :, c], int(threshold[c]), int(shift[c]), 4)
        assert all(torch.equal(a[:, :, c], b) for a, b in zip(together, alone, strict=True))
    as_floats = integer_ternary_over_time(drive.float(), threshold.float(), shift, 4)
    assert all(torch.equal(a, b.int()) for a, b in zip(together, as_floats, strict=True))
