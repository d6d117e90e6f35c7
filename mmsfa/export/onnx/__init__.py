"""Models as ONNX graphs, in floats and integers, and as sessions of onnxruntime."""

from .export import export_model, save
from .integer import to_integer
from .runtime import Session
from .tensor_part import replaced, tensor_part

__all__ = ['Session', 'export_model', 'replaced', 'save', 'tensor_part', 'to_integer']
