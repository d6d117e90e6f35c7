"""What is special to ReScaW; its numbers are in test_parity.py."""

from __future__ import annotations

import pytest
import torch

from mmsfa.compression.quantization import ReScaWQuantizer


def clipped(scale: str, bits: int) -> float:
    rows = torch.randn(4, 100_000, generator=torch.Generator().manual_seed(0))
    quantizer = ReScaWQuantizer(bits, scale)
    gamma = quantizer.scale_of(rows) * quantizer.largest
    return (rows.abs() > gamma).double().mean().item()


def test_the_released_scales_clip_what_they_are_said_to() -> None:
    assert clipped('mean', 8) == pytest.approx(0.425, abs=0.005)
    assert clipped('mean_levels', 8) == pytest.approx(0.11, abs=0.005)
    assert clipped('max', 8) == 0


def test_there_is_no_zero() -> None:
    rows = torch.tensor([[0.0, 1.0, -1.0, 0.0]])
    gamma = 0.5
    assert ReScaWQuantizer(1, 'mean').quantize(rows).values[0, 0] == -gamma
    assert ReScaWQuantizer(2, 'mean').quantize(rows).values[0, 0] == gamma / 3


def test_wrong_settings() -> None:
    with pytest.raises(ValueError, match="must be one of mean, mean_levels.*, got 'filter'"):
        ReScaWQuantizer(4, 'filter')
    with pytest.raises(ValueError, match="must be one of pass, clip, released, got 'ste'"):
        ReScaWQuantizer(4, gradient='ste')
