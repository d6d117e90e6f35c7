"""The convolution stages of an E-SpikeFormer as a NIR graph.

NIR is the Neuromorphic Intermediate Representation, https://neuroir.org. A ``SpikeConv`` becomes
three nodes: ``activate.levels`` (1x1 convolution C -> D*C, the shift of each level), ``activate``
(``IF``, see `nir_neuron`) and ``conv`` (BN and 1/norm folded in, each weight once a level).
Shortcuts are edges: NIR adds up what arrives at a node. A picture is one time step of length 1,
from rest.
"""

from __future__ import annotations

from collections.abc import Sequence

import nir
from torch import nn

from mmsfa.backbones import ESpikeFormer
from mmsfa.layers.fold import fold

from .builder import NirBuilder
from .primitives import NirError


def export_nir(
    backbone: nn.Module,
    input_shape: Sequence[int],
    stages: int | None = None,
    keep_groups: bool = False,
) -> nir.NIRGraph:
    """The leading stages of a backbone as a NIR graph, exact in the precision of its weights.

    Args:
        backbone: An ``ESpikeFormer`` in evaluation mode, float32 or float64; it stays as it is.
            In float32 the folded BN and the sums over levels round differently from the model.
        input_shape: (C, H, W) of the picture after the model's data preprocessor.
        stages: How many stages; None takes all that come before the first attention.
        keep_groups: Write grouped convolutions as such. The type check of nir 1.0.8 refuses them
            (it expects weights of the size C_in), so by default they are written as dense ones
            with zeros between the groups; with True read the file with ``type_check=False``.

    Returns:
        Graph from ``input`` to ``output``, the membrane potential after the last stage; where the
        backbone has a norm for this map (``out_norm=True``) the normed one, as it is returned. The
        scale and shift of that norm are the weight and bias of the last node, ``stages.N.sum``.

    Raises:
        NirError: Part of the model has no exact form in NIR; the sentence names it.
        ValueError: The backbone is in training mode.
    """
    if not isinstance(backbone, ESpikeFormer):
        raise NirError(
            f'Only the backbone ESpikeFormer can be exported to NIR, got {type(backbone).__name__}.'
        )
    last = len(backbone.stages)
    if stages is None:
        stages = min(last, backbone.num_conv_stages)
    elif not 1 <= stages <= last:
        raise NirError(f'stages must lie in 1..{last}, the stages of this backbone, got {stages}.')
    shape = tuple(int(size) for size in input_shape)
    in_channels = backbone.in_channels
    if len(shape) != 3 or shape[0] != in_channels or min(shape) < 1:
        raise NirError(f'input_shape must be ({in_channels}, H, W), got {shape}.')

    model = fold(backbone)
    builder = NirBuilder(next(model.parameters()).dtype, keep_groups)
    potential = builder.input(shape)
    for i in range(stages):
        down = f'downsample_layers.{i}'
        potential = builder.brick(down, model.downsample_layers[i], potential)
        for j, block in enumerate(model.stages[i].children()):
            potential = builder.block(f'stages.{i}.{j}', block, potential)
    out_norm = dict(model.out_norms.items()).get(str(stages - 1))
    return builder.graph(potential, stages, out_norm)
