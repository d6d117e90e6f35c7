"""ONNX files of models, with free batch, height and width."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from mmsfa.compat import StackError, require_extra

require_extra('export', 'onnx', 'onnxruntime', 'onnxscript')

import onnx_ir as ir  # noqa: E402
import torch  # noqa: E402
from onnx_ir.passes.common import (  # noqa: E402
    ClearMetadataAndDocStringPass,
    CommonSubexpressionEliminationPass,
    DeduplicateInitializersPass,
)
from torch import Tensor, nn  # noqa: E402

from mmsfa.backbones import QTSNN  # noqa: E402
from mmsfa.errors import OptionError  # noqa: E402
from mmsfa.layers.fold import fold  # noqa: E402
from mmsfa.neurons.real_time import input_channels  # noqa: E402
from mmsfa.spike_times.layers import refuse_spike_times  # noqa: E402

from .integer import to_integer  # noqa: E402
from .pooling import free_poolings, functional_poolings_free  # noqa: E402
from .qdq import to_qdq  # noqa: E402
from .tensor_part import tensor_part  # noqa: E402

if not hasattr(torch.export.Dim, 'DYNAMIC'):
    raise StackError(
        f'The ONNX export needs torch 2.6 or newer, and this is torch {torch.__version__}: export '
        'in an environment with a newer one, for instance that of `make setup`.'
    )

# Sizes of the traced picture; unequal ones, so that the exporter takes no two for the same symbol.
EXAMPLE = (2, 3, 128, 160)
# Name of a form -> what makes it of a float graph.
INTEGER_FORMS = dict(int8=to_integer, qdq=to_qdq)


def export_model(model: nn.Module, channels: int | None = None) -> ir.Model:
    """The tensor part of a classifier, segmentor or detector as a float graph.

    Args:
        model: A model in evaluation mode, on the CPU; it stays as it is.
        channels: Of the image, which are fixed in the graph: C of a still picture, which a model
            of T real time steps shows T times, or T*C, the default.

    Returns:
        Graph from ``image`` (what the data preprocessor gives) to the outputs of `TensorPart`.

    Raises:
        OptionError: The model has no dense head, or takes signals.
        SpikeTimeError: It is a network of spike times.
        ValueError: The model is in training mode.
    """
    refuse_spike_times(model, 'be exported to ONNX')
    _refuse_signals(model)
    part = tensor_part(model)
    batch, all_steps, *size = _example_for(part)
    example = batch, channels or all_steps, *size
    with torch.no_grad():
        part(torch.zeros(example))  # names the outputs
    return _export(part, part.names, example)


def export_module(module: nn.Module, example: tuple[int, ...] | None = None) -> ir.Model:
    """A backbone, or any module from one map to one or several, as a float graph.

    Args:
        module: A module in evaluation mode, on the CPU; it stays as it is.
        example: Size (B, C, H, W) of the traced picture. All but C stay free in the graph. By
            default C is what the first convolution takes.
    """
    refuse_spike_times(module, 'be exported to ONNX')
    _refuse_signals(module)
    module = fold(module)
    free_poolings(module)
    example = example or _example_for(module)
    with torch.no_grad():
        outputs = module(torch.zeros(example))
    number = 1 if isinstance(outputs, Tensor) else len(outputs)
    return _export(module, [f'map_{i}' for i in range(number)], example)


def _refuse_signals(model: nn.Module) -> None:
    if any(isinstance(part, QTSNN) for part in model.modules()):
        raise OptionError(
            'The ONNX export traces pictures (B, C, H, W) of any size, and QTSNN takes signals of '
            'one length: run it in whole numbers with '
            'mmsfa.compression.quantization.integer_ternary.'
        )


def export_regions(module: nn.Module, names: Sequence[str], example: tuple[int, ...]) -> ir.Model:
    """A head that works on regions, as a float graph with any number of them.

    Args:
        module: A folded head in evaluation mode, on the CPU.
        names: Names of its outputs.
        example: Size (N, C, h, w) of the features of regions; all but N stay fixed.

    Returns:
        Graph from ``regions`` to the outputs.
    """
    refuse_spike_times(module, 'be exported to ONNX')
    return _export(module, names, example, input_name='regions', free=(0,))


def _example_for(module: nn.Module) -> tuple[int, ...]:
    first = next((m for m in module.modules() if isinstance(m, nn.Conv2d)), None)
    batch, channels, *size = EXAMPLE
    return batch, input_channels(module, first.in_channels if first else channels), *size


def _export(
    module: nn.Module,
    names: Sequence[str],
    example: tuple[int, ...],
    input_name: str = 'image',
    free: tuple[int, ...] = (0, 2, 3),
) -> ir.Model:
    """Trace and translate a folded module; ``free`` are the axes of any size."""
    with warnings.catch_warnings(), torch.no_grad(), functional_poolings_free():
        warnings.simplefilter('ignore')  # about the exporter's own code
        program = torch.onnx.export(
            module,
            (torch.randn(example),),
            dynamo=True,
            dynamic_shapes=(dict.fromkeys(free, torch.export.Dim.DYNAMIC),),
            input_names=[input_name],
            output_names=list(names),
            verbose=False,
        )
    if program is None:  # torch gives one with dynamo=True
        raise RuntimeError(f'torch.onnx.export gave no graph of {type(module).__name__}.')
    return _tidy(program.model, free)


def _tidy(model: ir.Model, free: Sequence[int]) -> ir.Model:
    """Make a file of it that loads, with each neuron once."""
    graph = model.graph
    for node in graph:
        for value in node.inputs:
            # The exporter's optimizer forgets constants where two neurons read one map.
            if value is None or value.name is None or value.const_value is None:
                continue
            if not value.producer():
                graph.initializers.setdefault(value.name, value)
    DeduplicateInitializersPass()(model)
    CommonSubexpressionEliminationPass()(model)
    ClearMetadataAndDocStringPass()(model)  # stack traces of this machine
    image = graph.inputs[0]
    names = ('batch', 'channels', 'height', 'width')
    known = names if image.shape is None else list(image.shape)
    image.shape = ir.Shape([names[i] if i in free else known[i] for i in range(4)])
    return model


def save(model: ir.Model, path: Path) -> None:
    """Write one file; the weights are in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ir.save(model, path)


__all__ = ['EXAMPLE', 'INTEGER_FORMS', 'export_model', 'export_module', 'save', 'to_integer']
