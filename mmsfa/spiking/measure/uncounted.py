"""What a model computes beside the layers and products that are counted: named, never left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator
from contextlib import contextmanager

from mmcv.cnn import ConvModule
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.utils.flop_counter import FlopCounterMode

from mmsfa.layers import RepConv
from mmsfa.layers.attention import SpikeProduct

from .fan_out import macs
from .observer import Synapse, merged_synapses_of, neurons_of, observe
from .spike_trace import INTERPOLATES, spikes_followed


@contextmanager
def uncounted(model: nn.Module) -> Iterator[list[str]]:
    """Find what no figure and no proof holds while the context is open.

    - Layers with weights that are neither convolution nor linear (deformable convolution,
      multi-head attention).
    - Modules that multiply matrices or convolve by themselves, beyond the product of a layer, as
      PyTorch's ``FlopCounterMode`` sees it.
    - Modules in which spikes meet any other operation that nobody answers for, see
      `spikes_followed`.

    Args:
        model: Any model; run it inside, in evaluation mode.

    Yields:
        A list that is filled when the context ends: names of modules, and of the model's type
        where it is the model itself.
    """
    found: list[str] = []
    flops: Counter[str] = Counter()  # of the layers, two for each multiply-accumulate

    def received(name: str, layer: Synapse, x: Tensor, output: Tensor) -> None:
        flops[name] += 2 * macs(layer, x, output)

    with (
        FlopCounterMode(display=False) as counter,
        spikes_followed(model) as met,
        observe(model, synapse=received),
    ):
        yield found
    root = type(model).__name__
    by_path = {path: sum(ops.values()) for path, ops in counter.get_flop_counts().items()}
    own = {path.removeprefix(f'{root}.'): count for path, count in _own_flops(by_path).items()}
    beyond = [name for name in _that_multiply(model, own, flops) if name not in met]
    found += dict.fromkeys([*_weights_of_others(model), *beyond, *met])


def _weights_of_others(model: nn.Module) -> Iterator[str]:
    """Layers with weights that nobody watches."""
    for name, module in model.named_modules():
        if not isinstance(module, (_ConvNd, nn.Linear, nn.Embedding)) and any(
            weight.dim() > 1 for weight in module.parameters(recurse=False)
        ):
            yield name


def _that_multiply(model: nn.Module, own: dict[str, int], of_layers: Counter[str]) -> Iterator[str]:
    """Modules with more operations of their own than the layer that they are."""
    root, modules = type(model).__name__, dict(model.named_modules())
    answering = [name for name, module in modules.items() if _answers(module)]
    for name, module in modules.items():
        if any(f'{name}.'.startswith(f'{one}.') for one in answering):
            continue
        allowed = of_layers[name]
        if isinstance(module, ConvModule):  # one that has folded its norm calls a copy
            conv = f'{name}.conv'.lstrip('.')
            allowed = max(of_layers[conv] - own.get(conv, 0), 0)
        if own.get(name or root, 0) > allowed:
            yield name or root


def _answers(module: nn.Module) -> bool:
    return isinstance(module, (SpikeProduct, RepConv)) or type(module).__name__ in INTERPOLATES


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
