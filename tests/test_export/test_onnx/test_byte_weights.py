"""Weights become bytes with room for the bias, and keep a coarser grid."""

from __future__ import annotations

import numpy as np

from mmsfa.export.onnx.byte_weights import IntegerWeight


def test_scales_leave_room_for_the_bias() -> None:
    weight = np.array([0, 1e-12, 1.0, -2.0], np.float32).reshape(4, 1, 1, 1)
    bias = np.array([0, 100.0, 0.3, -4.0], np.float32)
    rounded = IntegerWeight.of(weight, bias, divisor=4)
    assert rounded.values.ravel().tolist() == [0, 0, 127, -127]
    steps = bias / (rounded.scale / 4)
    assert (abs(steps) < 1.01 * 2**30).all(), 'the sum of an int32 has as much room again'
    np.testing.assert_allclose(np.rint(steps) * rounded.scale / 4, bias, atol=0.003)


def test_weights_on_a_coarse_grid_keep_it() -> None:
    steps = np.array([[3, -1, 2, 0], [127, -126, 5, 1]], np.float32).reshape(2, 4, 1, 1)
    weight = IntegerWeight.of(steps * np.float32(0.3), None, divisor=1)
    # 42 is the largest factor with which three steps fit into a byte
    assert weight.values.reshape(2, 4).tolist() == [[126, -42, 84, 0], [127, -126, 5, 1]]
    np.testing.assert_allclose(weight.scale, [0.3 / 42, 0.3], rtol=1e-6)
    assert not weight.bias.any()
    assert weight.values.dtype == np.int8 and weight.scale.dtype == np.float32
