"""What is special to one bit; the published numbers are in test_parity.py."""

from __future__ import annotations

import pytest
import torch

from mmsfa.compression.quantization import BinaryQuantizer
from mmsfa.compression.quantization.binary import annealed_sharpness


def test_scale_and_offset_of_a_filter_change_nothing() -> None:
    rows = torch.randn(8, 30)
    quantizer = BinaryQuantizer(scale='none')
    assert torch.equal(quantizer(rows), quantizer(3 * rows + 1))


def test_the_mean_keeps_the_size_of_a_filter() -> None:
    rows = torch.randn(8, 1000) * torch.logspace(-2, 2, 8)[:, None]
    values = BinaryQuantizer()(rows)
    torch.testing.assert_close(values.abs().mean(1), rows.abs().mean(1), rtol=0.05, atol=0)
    assert torch.equal(values.abs().amax(1), values.abs().amin(1))


def test_the_annealed_gradient_sharpens() -> None:
    assert annealed_sharpness(0) == (0.1, 10)
    assert annealed_sharpness(0.5) == (1, 1)
    assert annealed_sharpness(1) == (10, 1)
    rows = torch.tensor([[-2.0, -0.5, 0.5, 2.0]], requires_grad=True)
    quantizer = BinaryQuantizer(scale='none', gradient='anneal')
    grads = []
    for progress in (0, 1):
        quantizer.anneal(progress)
        (grad,) = torch.autograd.grad(quantizer(rows)[0, 2], rows)
        grads.append(grad)
    # an element near 0 is moved hard at the end, one in the middle hardly any more
    assert grads[0].abs().max() > 9 * grads[1].abs().max()


def test_wrong_settings() -> None:
    with pytest.raises(ValueError, match='has 1 bit, got bits=2: take ReScaWQuantizer'):
        BinaryQuantizer(2)
    with pytest.raises(ValueError, match="one of mean, power_of_two, none, got 'max'"):
        BinaryQuantizer(scale='max')
    with pytest.raises(ValueError, match="'identity' or 'anneal', got 'clip'"):
        BinaryQuantizer(gradient='clip')
