"""A model with further losses: the same model, parameter for parameter, but for its `loss`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn

from mmsfa.model_parts import build_inner
from mmsfa.rng_state import isolated_rng

from .auxiliary_loss import AuxiliaryLoss, Batch
from .recorder import record_outputs

# What auxiliary losses learn begins with it in a state dict.
LEARNT_BY_LOSSES = 'auxiliary_losses.'


if TYPE_CHECKING:  # the class that stands behind the mixin has the methods of a model
    from mmengine.model import BaseModel as _Model
else:
    _Model = nn.Module


class WithAuxiliaryLosses(_Model):
    """Mixin of a model of mmdet, mmseg or mmpretrain: adds losses to its own.

    Whatever else the model does, from `predict` to its parameter names, stays as it is.

    Attributes:
        auxiliary_losses: The losses by name. Only what they learn is in the state dict, under
            ``auxiliary_losses.``, so checkpoints with and without auxiliary losses are
            interchangeable.
    """

    auxiliary_losses: nn.ModuleDict

    def attach_losses(self, losses: dict[str, dict | AuxiliaryLoss]) -> None:
        """Add losses, which are configs or built.

        Raises:
            ValueError: A name is taken, or a loss does not fit the model.
        """
        if 'auxiliary_losses' not in self._modules:
            self.auxiliary_losses = nn.ModuleDict()
        for name, loss in losses.items():
            if name in self.auxiliary_losses:
                raise ValueError(f'There is an auxiliary loss {name!r} already: rename one.')
            loss = _build(name, loss)
            loss.check(self)
            with record_outputs(self, loss.watched(self)):
                pass  # says which name is wrong
            self.auxiliary_losses[name] = loss

    def init_weights(self) -> None:
        """Initialise the model; its losses get ready for training and draw no random number."""
        super().init_weights()
        self.prepare_losses()

    def _losses(self) -> dict[str, AuxiliaryLoss]:
        return cast('dict[str, AuxiliaryLoss]', dict(self.auxiliary_losses.items()))

    def prepare_losses(self) -> None:
        """Let each loss get ready for training."""
        with isolated_rng():
            for loss in self._losses().values():
                loss.prepare()

    def own_losses(self, inputs: Any, data_samples: Any, *args: Any, **kwargs: Any) -> dict:
        """The losses of the model itself."""
        return super().loss(inputs, data_samples, *args, **kwargs)

    def loss(self, inputs: Any, data_samples: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The losses of the model itself, and ``loss_NAME`` of each auxiliary one, weighted.

        A single loss of the model that is called ``loss``, as a classifier's, becomes ``loss_own``:
        ``loss`` is the sum.

        Raises:
            ValueError: The model has a loss of that name, or an auxiliary loss cannot be computed.
        """
        losses = self._losses()
        watched = {name: set(loss.watched(self)) for name, loss in losses.items()}
        with record_outputs(self, {one for names in watched.values() for one in names}) as seen:
            found = dict(self.own_losses(inputs, data_samples, *args, **kwargs))
        if losses and 'loss' in found:  # so the log calls the sum of all
            found['loss_own'] = found.pop('loss')
        learns = torch.is_grad_enabled() and any(p.requires_grad for p in self.parameters())
        batch = Batch(self, inputs, data_samples)
        for name, loss in losses.items():
            value = loss({one: kept for one, kept in seen.items() if one in watched[name]}, batch)
            for key, one in _named(name, value).items():
                if learns and loss.weight and not one.requires_grad:
                    raise ValueError(
                        f'The auxiliary loss {name!r} has no gradient, so nothing would be learnt '
                        'from it: what it watches is frozen, or computed in reentrant gradient '
                        'checkpointing. Name modules that are trained, or set its weight to 0.'
                    )
                if key in found:
                    raise ValueError(
                        f'{type(self).__name__} has a loss {key} itself: give the auxiliary loss '
                        f'{name!r} another name.'
                    )
                found[key] = loss.weight * one
        return found


@MODELS.register_module(name='AuxiliaryLosses')
def add_auxiliary_losses(
    of: dict | nn.Module,
    losses: dict[str, dict | AuxiliaryLoss],
    data_preprocessor: Any = None,
    **settings: Any,
) -> nn.Module:
    """Add losses to a model; its name in a config is ``AuxiliaryLosses``.

    Nothing is put around the model: it stays an instance of its class, with the same parameter
    names, so hooks, tools and checkpoints see no difference. The losses are in the log as
    ``loss_NAME``.

    Args:
        of: Config of any model whose ``loss(inputs, data_samples)`` gives a dictionary, in the
            default scope of the whole config; or the model itself, which is changed.
        losses: Config of each loss by name.
        data_preprocessor: Of the model, where ``of`` has none: mmengine puts the one from the top
            of a config here.
        **settings: None: settings of the model belong into ``of``.

    Returns:
        The model.

    Raises:
        ValueError: A loss does not fit the model, or there are other settings.

    Example:
        >>> model = dict(
        ...     type='AuxiliaryLosses',
        ...     of=dict(type='MaskRCNN', ...),
        ...     losses=dict(rate=dict(type='FiringRateLoss', target=0.1, weight=1.0)))
    """
    takes = '`of` and `losses`'
    model = build_inner('AuxiliaryLosses', of, data_preprocessor, settings, takes)
    if not callable(getattr(model, 'loss', None)):
        raise ValueError(
            'AuxiliaryLosses needs `of` to be a model with a method loss(inputs, data_samples), as '
            f'those of mmdet, mmseg and mmpretrain, got {type(model).__name__}.'
        )
    if not isinstance(model, WithAuxiliaryLosses):
        kind: Any = type(model)
        model.__class__ = _with_losses(kind)
    model.attach_losses(losses)
    return model


@cache
def _with_losses(kind: type[nn.Module]) -> type[nn.Module]:
    def reduce(self: nn.Module, _protocol: int) -> tuple[Any, ...]:
        return (_new, (kind,), *object.__reduce_ex__(self, 2)[2:])  # the state as ever

    members = dict(__module__=kind.__module__, __doc__=kind.__doc__, __reduce_ex__=reduce)
    metaclass: Any = type(kind)
    return metaclass(f'{kind.__name__}WithLosses', (WithAuxiliaryLosses, kind), members)


def _new(kind: Any) -> nn.Module:
    """An empty one, for pickle and copies: the class itself is found in no module."""
    made = _with_losses(kind)
    return made.__new__(made)


def _build(name: str, loss: dict | AuxiliaryLoss) -> AuxiliaryLoss:
    built = MODELS.build(loss) if isinstance(loss, dict) else loss
    if not isinstance(built, AuxiliaryLoss):
        raise ValueError(
            f'losses.{name} must be an AuxiliaryLoss, such as FiringRateLoss, got a '
            f'{type(built).__name__}.'
        )
    return built


def _named(name: str, value: Tensor | dict[str, Tensor]) -> dict[str, Tensor]:
    """What the log calls it: mmengine adds up what has `loss` in its name."""
    name = name if name.startswith('loss') else f'loss_{name}'
    if isinstance(value, dict):
        return {f'{name}_{key}': one for key, one in value.items()}
    return {name: value}
