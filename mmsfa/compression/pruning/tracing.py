"""What leads from the channels of one layer to those of others, found by torch-pruning."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from mmsfa.compat import require_extra
from mmsfa.layers.attention.product import SpikeProduct
from mmsfa.layers.attention.spike_driven import SpikeDrivenProduct
from mmsfa.layers.effective_weight import has_product
from mmsfa.layers.spike_pool import SpikeMaxPool2d
from mmsfa.model_parts import WholeModel, tensors_in
from mmsfa.neurons import SpikingNeuron
from mmsfa.spiking.measure.observer import instance_attribute

POOLS = (SpikeMaxPool2d, nn.MaxPool2d, nn.AdaptiveMaxPool2d)  # spikes stay spikes
LAYERS = (_ConvNd, nn.Linear, _BatchNorm)


class Traced(NamedTuple):
    """A model as torch-pruning sees it.

    Attributes:
        graph: Its dependency graph.
        heads: Parts that the channels of a neuron fall into, by the neuron: the heads of the
            attention that reads it.
        pairs: Attention products by the neurons of their queries and keys.
    """

    graph: Any
    heads: dict[nn.Module, int]
    pairs: dict[nn.Module, SpikeDrivenProduct]


class _Follower:
    """What torch-pruning asks about a module that changes no channels: neuron, pool."""

    pruning_dim = 1

    def prune_out_channels(self, layer: nn.Module, idxs: Sequence[int]) -> nn.Module:
        return layer

    prune_in_channels = prune_out_channels

    def get_out_channels(self, layer: nn.Module) -> None:
        return None

    get_in_channels = get_out_channels

    def get_in_channel_groups(self, layer: nn.Module) -> int:
        return 1

    get_out_channel_groups = get_in_channel_groups


def trace(model: nn.Module, image: Tensor) -> Traced:
    """Follow the channels of a model from layer to layer.

    Neurons pass on what they get meanwhile, and attention on spikes its values: channel by channel
    they are wired as in the model. What multiplies by weights and is neither convolution nor linear
    layer, and any other product of spikes, cuts the graph: the channels that it reads and gives
    count as outputs of the model, so that they stay.

    Args:
        model: A model of mmdet, mmseg or mmpretrain, or any other; it stays as it is.
        image: (1, C, H, W), on the model's device.

    Raises:
        StackError: torch-pruning is not installed.
    """
    require_extra('pruning', 'torch_pruning')
    import torch_pruning

    heads: dict[nn.Module, int] = {}
    pairs: dict[nn.Module, SpikeDrivenProduct] = {}
    ends: list[Tensor] = []
    follower = _Follower()
    kinds = {
        type(m)
        for m in model.modules()
        if isinstance(m, (SpikingNeuron, *POOLS)) or is_extractor(m)
    }

    def run(model: nn.Module, image: Tensor) -> list[Tensor]:
        ends.clear()
        for layer in model.modules():
            hooks: Any = layer._forward_hooks
            if isinstance(layer, (*LAYERS, *kinds)) and hooks:
                # torch-pruning's own, which is the last, must see what the layer itself gives.
                hooks.move_to_end(next(reversed(hooks)), last=False)
        found = [one for one in outputs_of(model, image) if one.grad_fn is not None]
        return [one * 1 for one in [*found, *ends]]  # an output of its own, also behind a layer

    with _wired(model, heads, pairs, ends), torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter('ignore')  # it remarks on every parameter of its own kind
        graph = torch_pruning.DependencyGraph().build_dependency(
            model,
            image.detach().requires_grad_(),  # frozen layers are in the graph, too
            forward_fn=run,
            customized_pruners=dict.fromkeys(kinds, follower),
            verbose=False,
        )
    return Traced(graph, heads, pairs)


def outputs_of(model: nn.Module, image: Tensor) -> list[Tensor]:
    """All that the heads of a model give for an image, those of regions and auxiliary ones too."""
    if not hasattr(model, 'extract_feat'):
        return tensors_in(model(image))
    return WholeModel(model, auxiliary=True).outputs(image)


@contextmanager
def _wired(
    model: nn.Module,
    heads: dict[nn.Module, int],
    pairs: dict[nn.Module, SpikeDrivenProduct],
    ends: list[Tensor],
) -> Iterator[None]:
    """The model with simple parts for a trace, and only those parameters that stand alone."""
    modes = {module: module.training for module in model.modules()}
    grads = {parameter: parameter.requires_grad for parameter in model.parameters()}
    known = {p for m in model.modules() if isinstance(m, LAYERS) for p in m.parameters(False)}
    try:
        for parameter in grads:
            parameter.requires_grad_(parameter not in known and parameter.is_floating_point())
        with ExitStack() as stack:
            for module in model.modules():
                forward = _simple_form(module, heads, pairs, ends)
                if forward is not None:
                    stack.enter_context(instance_attribute(module, 'forward', forward))
            yield
    finally:
        for parameter, needs in grads.items():
            parameter.requires_grad_(needs)
        for module, mode in modes.items():
            module.training = mode


def _simple_form(
    module: nn.Module,
    heads: dict[nn.Module, int],
    pairs: dict[nn.Module, SpikeDrivenProduct],
    ends: list[Tensor],
) -> Callable[..., Any] | None:
    if isinstance(module, SpikingNeuron):
        return lambda x: x * 1
    if isinstance(module, SpikeDrivenProduct) and module.gets_spikes and module.silence_is_absence:
        return partial(_attention, module, heads, pairs, ends)
    if is_extractor(module):
        return partial(_regions, module)
    layer = isinstance(module, (_ConvNd, nn.Linear, SpikeMaxPool2d))
    other_regions = isinstance(getattr(module, 'roi_layers', None), nn.ModuleList)
    is_product = isinstance(module, SpikeProduct) or has_product(module)
    if other_regions or (is_product and not layer):
        return partial(_cut, module.forward, ends)
    return None


def _attention(
    product: SpikeDrivenProduct,
    heads: dict[nn.Module, int],
    pairs: dict[nn.Module, SpikeDrivenProduct],
    ends: list[Tensor],
    q: Tensor,
    k: Tensor,
    v: Tensor,
) -> Tensor:
    """Values go through, and a channel of the queries meets the same one of the keys."""
    heads.update(dict.fromkeys(product.sources, q.shape[1]))
    pairs.update(dict.fromkeys(product.sources[:2], product))
    ends.append(q.flatten(1, 2) * k.flatten(1, 2))  # (B, C, N)
    return v * 1


def is_extractor(module: nn.Module) -> bool:
    """Whether a module is mmdet's extractor of regions, each from one map."""
    return type(module).__name__ == 'SingleRoIExtractor' and hasattr(module, 'roi_layers')


def _regions(extractor: Any, maps: Sequence[Tensor], *_: Any) -> Tensor:
    """Every map may give the channels of a region, (1, C, h, w)."""
    size = extractor.roi_layers[0].output_size
    pooled = [F.adaptive_avg_pool2d(one, size) for one in maps[: len(extractor.roi_layers)]]
    return sum(pooled[1:], start=pooled[0])


def _cut(forward: Callable[..., Any], ends: list[Tensor], *args: Any, **kwargs: Any) -> Any:
    inputs = [one for one in (*args, *kwargs.values()) if isinstance(one, Tensor)]
    ends.extend(one * 1 for one in inputs if one.is_floating_point())
    with torch.no_grad():
        found = forward(*args, **kwargs)
    for one in tensors_in(found):
        if one.is_floating_point():
            one.requires_grad_()
    return found
