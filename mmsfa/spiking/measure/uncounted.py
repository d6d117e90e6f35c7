"""What a model computes beside the layers and products that are counted: named, never left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator
from contextlib import contextmanager

from mmcv.cnn import ConvModule
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mmsfa.layers import RepConv
from mmsfa.layers.attention import SpikeProduct
from mmsfa.layers.effective_weight import Multiplies, has_product

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
    - Modules in which spikes meet any other operation that nobody answers for, or weights meet
      real values element by element, see `spikes_followed`.

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
        _nothing_learns(model),
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


@contextmanager
def _nothing_learns(model: nn.Module) -> Iterator[None]:
    """PyTorch's counter asks for gradients of what a module gets, such as queries of a head."""
    learning = [weight for weight in model.parameters() if weight.requires_grad]
    for weight in learning:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in learning:
            weight.requires_grad_(True)


def _weights_of_others(model: nn.Module) -> Iterator[str]:
    """Layers with weights that nobody watches."""
    for name, module in model.named_modules():
        if has_product(module) and not isinstance(module, Multiplies):
            yield name or type(model).__name__


def _that_multiply(model: nn.Module, own: dict[str, int], of_layers: Counter[str]) -> Iterator[str]:
    """Modules with more operations of their own than the layer that they are."""
    root, modules = type(model).__name__, dict(model.named_modules())
    answering = [name for name, module in modules.items() if _answers(module)]
    borrowed = _of_shared_layers(model, own, of_layers)
    for name, module in modules.items():
        if any(f'{name}.'.startswith(f'{one}.') for one in answering):
            continue
        allowed = of_layers[name] + borrowed[name]
        if isinstance(module, ConvModule):  # one that has folded its norm calls a copy
            conv = f'{name}.conv'.lstrip('.')
            allowed = max(of_layers[conv] - own.get(conv, 0), 0) + borrowed[name]
        if own.get(name or root, 0) > allowed:
            yield name or root


def _of_shared_layers(
    model: nn.Module, own: dict[str, int], of_layers: Counter[str]
) -> Counter[str]:
    """Operations of layers with several owners, as in the towers of mmdet's RetinaSepBNHead.

    The counter knows them by their first name, so that they look like operations of the others.
    """
    first = {module: name for name, module in model.named_modules()}
    found: Counter[str] = Counter()
    for name, module in model.named_modules(remove_duplicate=False):
        if first[module] != name and first[module] in of_layers:
            user = name.rpartition('.')[0]
            while user and user not in own:  # a ModuleList is never called
                user = user.rpartition('.')[0]
            found[user] += of_layers[first[module]]
    return found


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
