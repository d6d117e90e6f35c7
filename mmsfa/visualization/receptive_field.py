"""Where an attention looks from one place: its effective receptive field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import cv2
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from mmsfa.errors import OptionError
from mmsfa.layers.attention import SpikeProduct

from .side_by_side import draw_heat

PROBES = 16


def attentions_of(model: nn.Module) -> dict[str, nn.Module]:
    """The attentions of a model by name: what is called ``attn`` and has a spike product.

    Raises:
        OptionError: There is none.
    """
    found = {
        name: module
        for name, module in model.named_modules()
        if name.rpartition('.')[2] == 'attn'
        and any(isinstance(part, SpikeProduct) for part in module.modules())
    }
    if not found:
        raise OptionError(f'{type(model).__name__} has no attention on spikes: nothing to look at.')
    return found


def receptive_fields(
    model: nn.Module,
    run: Callable[[], object],
    place: tuple[float, float] = (0.5, 0.5),
    probes: int = PROBES,
) -> dict[str, Tensor]:
    r"""How much each place of an attention's input moves its output at one place.

    .. math:: f_j = \sqrt{\mathrm{mean}_p \sum_c \big(\partial\, u_p^\top y_i / \partial
        x_{c,j}\big)^2}

    for random :math:`u_p` of deviation 1: an estimate of the norm of the Jacobian of place i by
    place j, with the gradients of the neurons. Each field is divided by its sum. Source of the
    idea: Luo et al., https://arxiv.org/abs/1701.04128, there for whole networks.

    Args:
        model: In evaluation mode.
        run: Runs it once on one picture.
        place: Row and column of i, as shares of height and width.
        probes: Number of random vectors.

    Returns:
        Fields (H, W) by the name of the attention; real time steps are added up.

    Raises:
        OptionError: The model has no attention, or the place lies outside of the picture.
    """
    if not all(0 <= share < 1 for share in place):
        raise OptionError(f'A place must be two shares of 0 to below 1, got {tuple(place)}.')
    fields: dict[str, Tensor] = {}
    generator = torch.Generator().manual_seed(0)

    def look(name: str, module: nn.Module, args: tuple[Tensor, ...], out: Tensor) -> None:
        if name in fields or not isinstance(out, Tensor):
            return
        x = args[0].detach().clone().requires_grad_()
        row, column = (int(share * size) for share, size in zip(place, x.shape[2:], strict=True))
        with torch.enable_grad():
            here = forwards[name](x)[:, :, row, column]
        total = torch.zeros_like(x)
        for _ in range(probes):
            vector = torch.randn(here.shape, generator=generator).to(here)
            (grad,) = torch.autograd.grad(here, x, vector, retain_graph=True)
            total += grad.square()
        field = total.sum((0, 1)).div(probes).sqrt()
        fields[name] = field / field.sum().clamp(min=torch.finfo(field.dtype).tiny)

    attentions = attentions_of(model)
    forwards: dict[str, Any] = {name: one.forward for name, one in attentions.items()}
    with ExitStack() as stack:
        for name, module in attentions.items():
            handle = module.register_forward_hook(partial(look, name))
            stack.callback(handle.remove)
        with torch.no_grad():
            run()
    return fields


def near_share(field: Tensor, place: tuple[float, float], distance: int = 5) -> float:
    """The share of what a place gets from others that comes from within a distance, in tokens.

    Args:
        field: Shape (H, W).
        place: As that of the field.
        distance: In rows and columns.
    """
    row, column = (int(share * size) for share, size in zip(place, field.shape, strict=True))
    rows = slice(max(row - distance, 0), row + distance + 1)
    columns = slice(max(column - distance, 0), column + distance + 1)
    others = _of_others(field, place)
    return float(others[rows, columns].sum() / others.sum().clamp(min=1e-30))


def describe(field: Tensor, place: tuple[float, float], digits: int = 0) -> str:
    """What :func:`near_share` tells, in words; a gate for each token gets nothing from others.

    Args:
        field: Shape (H, W).
        place: As that of the field.
        digits: Of the share, in percent.
    """
    if not _of_others(field, place).any():
        return 'nothing from other tokens'
    return f'{near_share(field, place):.{digits}%} within 5 tokens'


def _of_others(field: Tensor, place: tuple[float, float]) -> Tensor:
    """Without the place itself, whose query moves everything that it gets."""
    row, column = (int(share * size) for share, size in zip(place, field.shape, strict=True))
    others = field.clone()
    others[row, column] = 0
    return others


def draw_fields(
    picture: np.ndarray, fields: dict[str, Tensor], place: tuple[float, float], columns: int = 4
) -> Figure:
    """A panel for each attention, over the grey picture, with a cross at the place.

    What a place gets from itself is cut off at the largest value elsewhere.

    Args:
        picture: Shape (H, W, 3), RGB.
        fields: See :func:`receptive_fields`.
        place: As that of the fields.
        columns: Panels in a row.
    """
    height, width = picture.shape[:2]
    columns = min(columns, len(fields))
    rows = -(-len(fields) // columns)
    figure = Figure(figsize=(2.9 * columns, (2.9 * height / width + 0.4) * rows), dpi=100)
    figure.set_layout_engine('constrained')
    panels: Sequence[Any] = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in panels:
        axes.set_axis_off()
    for axes, (name, field) in zip(panels, fields.items(), strict=False):
        heat = cv2.resize(field.float().numpy(), (width, height), interpolation=cv2.INTER_NEAREST)
        highest = float(_of_others(field, place).max())
        draw_heat(axes, picture, heat.clip(max=highest), highest)
        axes.plot(place[1] * width, place[0] * height, '+', color='white', markersize=12, mew=2)
        axes.set_title(f'{name}\n{describe(field, place)}', fontsize=8)
    return figure
