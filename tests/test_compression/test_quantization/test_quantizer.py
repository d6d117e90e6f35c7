"""What holds for every quantiser."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from mmsfa.compression.quantization import (
    BinaryQuantizer,
    ReScaWQuantizer,
    UniformQuantizer,
    WeightQuantizer,
)

ALL = [
    *(BinaryQuantizer(scale=scale) for scale in ('mean', 'power_of_two', 'none')),
    *(ReScaWQuantizer(bits, 'mean_levels') for bits in range(1, 9)),
    *(ReScaWQuantizer(3, scale) for scale in ('mean', 'max', 'layer_mean', 'layer_max')),
    *(UniformQuantizer(bits, 'gaussian') for bits in range(2, 9)),
    *(
        UniformQuantizer(4, scale, per)
        for scale, per in product(('max', 'percentile', 'mse'), ('filter', 'layer'))
    ),
]


def weights() -> torch.Tensor:
    draw = torch.Generator().manual_seed(0)
    rows = torch.randn(6, 45, generator=draw) * torch.logspace(-3, 1, 6)[:, None]
    rows[1] = 0
    rows[2] = 0.25
    return rows


@pytest.mark.parametrize('quantizer', ALL, ids=str)
def test_values_are_whole_multiples_of_the_scale(quantizer: WeightQuantizer) -> None:
    rows = weights().requires_grad_()
    values, integers, scale = quantizer.quantize(rows)
    assert torch.equal(values, integers * scale) and torch.equal(integers, integers.round())
    assert quantizer.smallest <= integers.min() and integers.max() <= quantizer.largest
    assert not ((integers - quantizer.smallest) % quantizer.stride).any()
    assert len(integers.unique()) <= 2**quantizer.bits
    assert scale.isfinite().all() and (scale > 0).all()
    out = quantizer(rows)
    assert torch.equal(out, values)
    out.square().sum().backward()
    assert rows.grad is not None and rows.grad.isfinite().all()


@pytest.mark.parametrize('quantizer', ALL, ids=str)
def test_a_fixed_scale_gives_the_same_weights_again(quantizer: WeightQuantizer) -> None:
    values, integers, scale = quantizer.quantize(weights())
    again = quantizer.quantize(values, scale)
    assert torch.equal(again.values, values) and torch.equal(again.integers, integers)
    kept = quantizer.quantize(values[:, ::2], scale)  # half of the inputs are pruned
    assert torch.equal(kept.values, values[:, ::2])


@pytest.mark.parametrize('kind', [ReScaWQuantizer, UniformQuantizer, BinaryQuantizer])
@pytest.mark.parametrize('bits', [0, 9, -1, True, 2.5])
def test_bits_out_of_range(kind: type, bits: object) -> None:
    with pytest.raises(ValueError, match=f'bits of {kind.__name__} must lie in [12]..8, got'):
        kind(bits)


def test_what_a_subclass_must_define() -> None:
    quantizer = WeightQuantizer(4)
    with pytest.raises(NotImplementedError, match='scale_of'):
        quantizer.scale_of(weights())
    with pytest.raises(NotImplementedError, match='integers_of'):
        quantizer.integers_of(weights(), torch.ones(6, 1))
