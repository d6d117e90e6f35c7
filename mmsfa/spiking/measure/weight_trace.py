"""Follow weights outside of layers to the element-wise products and distances that they enter."""

from __future__ import annotations

from collections.abc import Container, Sequence

from torch import Tensor, nn

from .emission import version_of

# PyTorch's counter of operations sees products of matrices and convolutions; these it does not.
WEIGHS = """
mul mul_ multiply __mul__ __rmul__ __imul__ sub subtract __sub__ __rsub__ rsub cdist
pairwise_distance cosine_similarity bilinear tensordot
"""
# Weights are still weights behind them, as behind what moves and reshapes.
KEEPS = 'normalize softmax exp sigmoid tanh abs neg div'
_WEIGHS, _KEEPS = frozenset(WEIGHS.split()), frozenset(KEEPS.split())


def weighs(
    name: str, inputs: Sequence[Tensor], results: Sequence[Tensor], moves: Container[str]
) -> bool:
    """Whether an operation puts a matrix of weights to what the model computes, element by element.

    Scales of a norm or a layer have one axis and are none; positions and queries are added.

    Args:
        name: Of the function.
        inputs: Its tensors.
        results: What it gives; marked, where it is weights in another shape.
        moves: Names of functions that move and reshape.
    """
    of_weights = [_is_weights(one) for one in inputs]
    if not any(of_weights):
        return False
    if all(of_weights):
        if name in moves or name in _KEEPS:
            for one in results:
                one.mmsfa_weights = version_of(one)  # type: ignore[attr-defined]
        return False
    others = [one for one, ours in zip(inputs, of_weights, strict=True) if not ours]
    # Scales that a norm is folded with have one axis.
    return name in _WEIGHS and any(map(_is_matrix, others))


def _is_matrix(tensor: Tensor) -> bool:
    return sum(size > 1 for size in tensor.shape) > 1


def _is_weights(tensor: Tensor) -> bool:
    if not _is_matrix(tensor):
        return False
    if isinstance(tensor, nn.Parameter):
        return True
    moved = getattr(tensor, 'mmsfa_weights', None)
    return moved is not None and moved == version_of(tensor)
