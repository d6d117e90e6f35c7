"""Integers in their bits, and back."""

from __future__ import annotations

import pytest
import torch

from mmsfa.compression.quantization import BinaryQuantizer, ReScaWQuantizer, UniformQuantizer
from mmsfa.compression.quantization.packing import PackedWeightError, pack, unpack


@pytest.mark.parametrize('bits', range(1, 9))
@pytest.mark.parametrize('kind', ['rescaw', 'uniform'])
def test_what_is_packed_comes_back(bits: int, kind: str) -> None:
    if kind == 'rescaw':
        quantizer: ReScaWQuantizer | UniformQuantizer = ReScaWQuantizer(bits, 'max')
    elif bits > 1:
        quantizer = UniformQuantizer(bits, 'max')
    else:
        pytest.skip('the uniform quantiser has two bits or more')
    integers = quantizer.quantize(torch.randn(7, 13)).integers
    packed = pack(integers, quantizer)
    assert packed.dtype == torch.uint8 and len(packed) == -(-7 * 13 * bits // 8)
    assert torch.equal(unpack(packed, (7, 13), quantizer, 'layer'), integers.int())


def test_eight_weights_of_one_bit_are_a_byte() -> None:
    signs = torch.tensor([[1, -1, 1, 1, -1, -1, -1, 1.0]])
    assert pack(signs, BinaryQuantizer()).tolist() == [0b10110001]


def test_other_bits_are_refused() -> None:
    quantizer = UniformQuantizer(4)
    packed = pack(quantizer.quantize(torch.randn(4, 8)).integers, quantizer)
    with pytest.raises(PackedWeightError, match='fc has 32 weights of 8 bits, but .* 4.0 bits'):
        unpack(packed, (4, 8), UniformQuantizer(8), 'fc')


def test_what_leaves_the_grid_is_refused() -> None:
    quantizer = UniformQuantizer(8, 'signed_max', 'layer')
    integers = quantizer.quantize(torch.tensor([[1.0, -3.0]])).integers
    with pytest.raises(PackedWeightError, match=r'must lie in -127..127, got -381..127'):
        pack(integers, quantizer)
