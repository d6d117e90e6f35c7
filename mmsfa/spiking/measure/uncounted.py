"""What a model computes beside the layers and products that are counted: named, never left out."""

from __future__ import annotations

from collections.abc import Container, Iterator
from contextlib import contextmanager

from mmcv.cnn import ConvModule
from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.utils.flop_counter import FlopCounterMode

from mmsfa.layers.attention import SpikeProduct

from .observer import merged_synapses_of, neurons_of

# They read regions or resize maps: interpolation, no operation on spikes.
_INTERPOLATES = ('RoIAlign', 'RoIPool', 'SingleRoIExtractor', 'GenericRoIExtractor')


def uncounted_of(model: nn.Module) -> list[str]:
    """Layers with weights that are neither convolution nor linear: nobody watches them.

    Their operations (deformable convolution, multi-head attention) are in no figure.
    """
    known = (_ConvNd, nn.Linear, nn.Embedding)
    return [
        name
        for name, module in model.named_modules()
        if not isinstance(module, known)
        and any(weight.dim() > 1 for weight in module.parameters(recurse=False))
    ]


@contextmanager
def uncounted_products(model: nn.Module) -> Iterator[list[str]]:
    """Find the modules that multiply matrices or convolve by themselves while the context is open.

    A convolution, a linear layer, a RepConv or a :class:`SpikeProduct` may; in any other module it
    is an operation that no figure holds, such as a product of spikes that lacks the contract. The
    operations are those that PyTorch's ``FlopCounterMode`` sees.

    Args:
        model: Any model; run it inside, in evaluation mode.

    Yields:
        A list that is filled when the context ends: names of modules, and of the model's type
        where it is the model itself.
    """
    found: list[str] = []
    with FlopCounterMode(display=False) as counter:
        yield found
    root, modules = type(model).__name__, dict(model.named_modules())
    counted = {*merged_synapses_of(model), *(n for n, m in modules.items() if _counts(m))}
    # A brick that has folded its norm calls a copy of its convolution.
    bricks = {name for name, module in modules.items() if isinstance(module, ConvModule)}
    own = _own_flops({path: sum(ops.values()) for path, ops in counter.get_flop_counts().items()})
    for name in modules:
        within = any(f'{name}.'.startswith(f'{one}.') for one in counted)
        if own.get(f'{root}.{name}' if name else root, 0) > 0 and not within and name not in bricks:
            found.append(name or root)


def not_run(model: nn.Module, neurons: Container[str], layers: Container[str]) -> list[str]:
    """Neurons and layers that were built and never called: no figure and no proof holds them.

    An auxiliary head of a segmentor, which learns only, is meant to be among them; a neuron whose
    layer is called past it is not.

    Args:
        model: Any model.
        neurons: Names of those that ran.
        layers: Names of those that ran.
    """
    unseen = [name for name in neurons_of(model) if name not in neurons]
    return [*unseen, *(name for name in merged_synapses_of(model) if name not in layers)]


def _counts(module: nn.Module) -> bool:
    return isinstance(module, SpikeProduct) or type(module).__name__ in _INTERPOLATES


def _own_flops(flops: dict[str, int]) -> dict[str, int]:
    """Operations of each module without those of the modules that it calls."""
    own = dict(flops)
    for path, count in flops.items():
        above = path.rpartition('.')[0]
        while above and above not in flops:  # a ModuleList is never called
            above = above.rpartition('.')[0]
        if above:
            own[above] -= count
    return own
