"""Weights of one to eight bits, for any model of the mm libraries."""

from .binary import BinaryQuantizer
from .convert import build_quantized, quantize
from .integer_ternary import IntegerTernaryConv1d, integer_ternary
from .layers import QuantConv1d, QuantConv2d, QuantConvTranspose2d, QuantLinear
from .packed_weights import packed_state_dict, quantized_layers, refuse_packed
from .quantized_layer import QuantizedLayer, build_quantizer
from .quantizer import QuantizationError, QuantizedWeight, WeightQuantizer
from .rescaw import ReScaWQuantizer
from .uniform import UniformQuantizer

__all__ = [
    'BinaryQuantizer',
    'IntegerTernaryConv1d',
    'QuantConv1d',
    'QuantConv2d',
    'QuantConvTranspose2d',
    'QuantLinear',
    'QuantizationError',
    'QuantizedLayer',
    'QuantizedWeight',
    'ReScaWQuantizer',
    'UniformQuantizer',
    'WeightQuantizer',
    'build_quantized',
    'build_quantizer',
    'integer_ternary',
    'packed_state_dict',
    'quantize',
    'quantized_layers',
    'refuse_packed',
]
