"""Tells in a training which layers of spike times have fallen silent."""

from __future__ import annotations

import logging

import torch
from mmengine.logging import print_log
from torch import Tensor

# Below this share of firing neurons a layer is named.
SILENT = 0.01


def share_of_firing(t: Tensor) -> Tensor:
    """Which share of neurons fires at all, a scalar.

    Args:
        t: Spike times of any shape, inf where silent.
    """
    return t.isfinite().float().mean()


class Silence:
    """Names each layer once in which (nearly) nothing fires in a batch."""

    def __init__(self) -> None:
        self._named: set[str] = set()

    def name(self, shares: dict[str, Tensor]) -> None:
        """Warn about the layers among them that are silent.

        Args:
            shares: Name of a layer -> the share of its neurons that fire.
        """
        if not shares or torch.compiler.is_compiling():
            return
        values = torch.stack(list(shares.values())).tolist()
        silent = {
            name: share
            for name, share in zip(shares, values, strict=True)
            if share < SILENT and name not in self._named
        }
        if silent:
            self._named.update(silent)
            rates = ', '.join(f'{name} ({share:.1%} fire)' for name, share in silent.items())
            print_log(
                f'(Nearly) all neurons of {rates} were silent in a whole batch, and silent neurons '
                'learn nothing. If the loss stays where it is, begin anew with a smaller learning '
                'rate or with a falling threshold (beta > 0). Each layer is named once.',
                'current',
                logging.WARNING,
            )
