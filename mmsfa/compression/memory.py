"""How much memory the weights of a model take, each with the bits that it really has."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from torch import Tensor, nn
from torch.nn.utils import parametrize

from mmsfa.layers.effective_weight import weight_bits

MEGABYTE = 1e6


def weight_memory(model: nn.Module) -> float:
    """The memory of all parameters of a model, in MB of 10^6 bytes.

    Buffers, such as the statistics of a BN, are left out, as the literature leaves them out.

    Args:
        model: Any model, counted as it stands: branches that inference merges count one by one.
    """
    return sum(weight_bytes(model).values()) / MEGABYTE


def weight_bytes(model: nn.Module) -> dict[str, int]:
    """The bytes of the parameters of each module, by its name; those of its children apart.

    The weight of a layer counts with the bits that the layer tells, see
    :func:`~mmsfa.layers.effective_weight.weight_bits`; any other parameter with those of its dtype.
    What several modules share counts once, for the first. Each weight is packed, eight elements of
    1 bit in one byte, and ends with a whole byte.

    Args:
        model: Any model.
    """
    shared: set[nn.Parameter] = set()
    found = {}
    for name, module in model.named_modules():
        own = {key: p for key, p in _weights_of(module) if p not in shared}
        bits: dict[str, float] = {key: 8 * p.element_size() for key, p in own.items()}
        if 'weight' in own:
            bits['weight'] = weight_bits(module)
        found[name] = sum(ceil(p.numel() * bits[key] / 8) for key, p in own.items())
        shared.update(p for p in own.values() if isinstance(p, nn.Parameter))
    return found


def _weights_of(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """(attribute, weight) of a module itself; of a parametrised one what comes out."""
    if isinstance(module, parametrize.ParametrizationList):
        return
    yield from ((key, p) for key, p in module._parameters.items() if p is not None)
    if parametrize.is_parametrized(module):
        parametrised = module.get_submodule('parametrizations')
        yield from ((key, getattr(module, key)) for key, _ in parametrised.named_children())
