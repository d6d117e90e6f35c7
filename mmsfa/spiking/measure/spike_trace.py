"""Follow the spikes of a model to every operation that they enter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn
from torch.nn.modules import pooling
from torch.nn.modules.batchnorm import _BatchNorm
from torch.overrides import TorchFunctionMode

from mmsfa.layers import RepConv
from mmsfa.layers.attention import SpikeProduct
from mmsfa.layers.effective_weight import Multiplies
from mmsfa.neurons import SpikingNeuron

from .emission import Emission, version_of
from .observer import observe
from .weight_trace import weighs

# They read regions or resize maps: interpolation, no operation on spikes.
INTERPOLATES = ('RoIAlign', 'RoIPool', 'SingleRoIExtractor', 'GenericRoIExtractor')

# Spikes in another order or shape are still spikes.
MOVES = """
__get__ __getitem__ alias broadcast_to cat chunk clone concat concatenate contiguous detach double
dropout expand expand_as flatten flip float gather half hsplit index_select movedim moveaxis narrow
permute pixel_shuffle pixel_unshuffle ravel repeat repeat_interleave reshape reshape_as roll select
split squeeze stack swapaxes swapdims t take_along_dim tensor_split tile to transpose type type_as
unbind unflatten unfold unsqueeze view view_as vsplit
"""
# Sums, means and interpolation give real values; the layer that gets them counts as analog.
SUMS = """
add add_ __add__ __radd__ __iadd__ sub sub_ rsub __sub__ __rsub__ __isub__ neg sum mean pad
interpolate upsample grid_sample boolean_dispatch requires_grad_ zeros_like ones_like empty_like
full_like new_zeros new_ones new_empty new_full new_tensor max_pool1d max_pool2d max_pool3d
avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d
"""
_MOVES, _SUMS = frozenset(MOVES.split()), frozenset(SUMS.split())


def is_accounted(module: nn.Module) -> bool:
    """Whether a module answers for what happens to spikes inside of it.

    Neurons, layers, a RepConv and products of spikes by their contracts; a BN is folded; pooling
    and interpolation give real values.
    """
    kinds = (SpikingNeuron, Multiplies, RepConv, SpikeProduct, _BatchNorm, nn.Upsample)
    is_pooling = type(module).__module__ == pooling.__name__
    return isinstance(module, kinds) or is_pooling or type(module).__name__ in INTERPOLATES


@contextmanager
def spikes_followed(model: nn.Module) -> Iterator[list[str]]:
    """Find the modules in which spikes meet an operation that nobody answers for.

    Spikes may be moved, reshaped, joined, pooled, resized, added and averaged; they may enter a
    neuron, a layer or a :class:`SpikeProduct`. Anything else, such as a product of two maps by
    ``*`` or a comparison, is an operation on spikes without a contract. A matrix of weights that
    is put to real values element by element, outside of a layer, is named likewise.

    Args:
        model: Any model; run it inside, in evaluation mode.

    Yields:
        A list that fills while the model runs: names of modules, and of the model's type where it
        is the model itself.
    """
    with ExitStack() as stack:
        place: list[str] = []
        answering: list[str] = []
        for name, module in model.named_modules():
            shown = name or type(model).__name__
            within = [place, answering] if is_accounted(module) else [place]
            enter = module.register_forward_pre_hook(_enter(within, shown))
            leave = module.register_forward_hook(_leave(within), always_call=True)
            stack.callback(enter.remove)
            stack.callback(leave.remove)
        stack.enter_context(observe(model))
        found: list[str] = []
        stack.enter_context(_Follow(place, answering, found))
        yield found


def _enter(stacks: Iterable[list[str]], name: str) -> Callable:
    def hook(_module: nn.Module, _args: tuple) -> None:
        for stack in stacks:
            stack.append(name)

    return hook


def _leave(stacks: Iterable[list[str]]) -> Callable:
    def hook(_module: nn.Module, _args: tuple, _output: Any) -> None:
        for stack in stacks:
            stack.pop()

    return hook


class _Follow(TorchFunctionMode):
    """Sees every function of torch that gets spikes, or weights outside of layers."""

    def __init__(self, place: list[str], answering: list[str], found: list[str]) -> None:
        super().__init__()
        self.place, self.answering, self.found = place, answering, found

    def __torch_function__(
        self, func: Callable, types: Any, args: Sequence = (), kwargs: dict | None = None
    ) -> Any:
        inputs = list(_tensors([*args, *(kwargs or {}).values()]))
        fired = [_is_spikes(one) for one in inputs]  # before they may be overwritten
        output = func(*args, **(kwargs or {}))
        if self.answering or not inputs:
            return output
        results = [one for one in _tensors([output]) if not any(one is given for given in inputs)]
        name = getattr(func, '__name__', '')
        named = weighs(name, inputs, results, _MOVES)
        if name in _MOVES:
            if all(fired):
                for one in results:
                    one.mmsfa_moved_spikes = version_of(one)  # type: ignore[attr-defined]
        elif any(fired):
            named |= name not in _SUMS and bool(results or name.endswith('_'))
        where = self.place[-1] if self.place else ''
        if named and where and where not in self.found:
            self.found.append(where)
        return output


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors(value)


def _is_spikes(tensor: Tensor) -> bool:
    moved = getattr(tensor, 'mmsfa_moved_spikes', None)
    return Emission.of(tensor) is not None or (moved is not None and moved == version_of(tensor))
