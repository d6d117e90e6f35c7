"""Neurons are found in a graph, and who reads a value."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
import torch

from mmsfa.export.onnx.graph import (
    Firing,
    Writer,
    constant,
    firing_of,
    firings_on,
    made_by,
    scalar,
)
from mmsfa.export.onnx.runtime import Session
from tests.helpers.onnx_graphs import float_map, written


@pytest.fixture
def x() -> ir.Value:
    return float_map('x')


@pytest.fixture
def write(x: ir.Value) -> Writer:
    return Writer(ir.Graph([x], [], nodes=[], opset_imports={'': 20}))


def neuron(
    write: Writer,
    x: ir.Value,
    D: float = 4,
    low: float = 0,
    divisor: float | None = None,
    shift: float | None = None,
) -> ir.Value:
    """What the exporter writes down for one; with a shift it rounds half up."""
    x = write.op('Clip', x, np.float32(low), np.float32(D))
    if shift is None:
        x = write.op('Round', x)
    else:
        x = write.op('Floor', write.op('Add', x, np.float32(shift)))
    return x if divisor is None else write.op('Div', x, np.float32(divisor))


@pytest.mark.parametrize('shift', [None, 0.5])
@pytest.mark.parametrize('divisor', [None, 4.0])
@pytest.mark.parametrize('D', [1, 255])
def test_a_neuron_is_known_by_its_operators(
    write: Writer, x: ir.Value, D: int, divisor: float | None, shift: float | None
) -> None:
    output = neuron(write, x, D, divisor=divisor, shift=shift)
    counts = output if divisor is None else output.producer().inputs[0]
    assert firing_of(output) == Firing(x, counts, D, divisor or 1.0, half_up=shift is not None)


@pytest.mark.parametrize(('factor', 'divisor'), [(0.25, 4), (2.0, 0.5), (0.3, None), (-0.5, None)])
def test_a_product_with_a_power_of_two_is_a_division(
    write: Writer, x: ir.Value, factor: float, divisor: float | None
) -> None:
    counts = neuron(write, x)
    found = firing_of(write.op('Mul', counts, np.float32(factor)))
    assert found == (divisor and Firing(x, counts, 4, divisor, half_up=False))
    assert firing_of(write.op('Mul', counts, x)) is None


@pytest.mark.parametrize(
    'settings',
    [dict(D=256), dict(D=2.5), dict(D=0), dict(low=-4), dict(shift=0.25)],
    ids=str,
)
def test_anything_else_is_none(write: Writer, x: ir.Value, settings: dict) -> None:
    assert firing_of(neuron(write, x, **settings)) is None


def test_parts_of_a_neuron_and_other_values_are_none(write: Writer, x: ir.Value) -> None:
    clip = write.op('Clip', x, np.float32(0), np.float32(4))
    for value in (None, x, clip, write.op('Round', x), write.op('Div', neuron(write, x), x)):
        assert firing_of(value) is None
    elsewhere = write.op('Round', clip, domain='of.others')
    assert firing_of(elsewhere) is None and made_by(elsewhere, 'Round') is None
    assert made_by(clip, 'Clip') is clip.producer() and made_by(clip, 'Round') is None


def test_every_reader_of_a_potential_is_told(write: Writer, x: ir.Value) -> None:
    even, up = neuron(write, x), neuron(write, x, D=2, divisor=2, shift=0.5)
    found = firings_on(x)
    assert [(one.D, one.half_up) for one in found] == [(4, False), (2, True)]
    assert [one.potential for one in found] == [x, x]
    assert found[0].counts is even and found[1].counts is up.producer().inputs[0]
    write.op('Neg', x)
    assert firings_on(x)[2:] == [None]
    assert firings_on(even) == [], 'nobody reads it'


def test_an_output_of_the_graph_is_read_by_others_too(write: Writer, x: ir.Value) -> None:
    potential = write.op('Neg', x)
    neuron(write, potential)
    assert None not in firings_on(potential)
    write.graph.outputs.append(potential)
    assert firings_on(potential)[0] is None and firings_on(potential)[1].D == 4


def test_numbers_of_constants(write: Writer, x: ir.Value) -> None:
    pair, one = write.constant(np.array([1, 2])), write.constant(np.array([[2.5]], np.float32))
    assert constant(pair).tolist() == [1, 2] and scalar(pair) is None
    assert constant(one).dtype == np.float32 and scalar(one) == 2.5
    for computed in (None, x, write.op('Neg', pair)):
        assert constant(computed) is None and scalar(computed) is None
    assert pair.name != one.name and set(write.graph.initializers) >= {pair.name, one.name}


def test_what_is_written_runs() -> None:
    graph = written(lambda write, image: [neuron(write, image, D=3, divisor=2, shift=0.5)])
    x = torch.arange(-2, 6, 0.25).view(1, 1, 4, 8)
    (out,) = Session(graph)(x)
    assert torch.equal(out, (x.clamp(0, 3) + 0.5).floor() / 2)
