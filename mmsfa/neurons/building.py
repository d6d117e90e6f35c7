"""Parts of a neuron that its config describes."""

from __future__ import annotations

from typing import Any, TypeVar

from mmpretrain.registry import MODELS
from torch import nn

Part = TypeVar('Part', bound=nn.Module)


def build_part(
    setting: Any, kind: type[Part], option: str, example: str, takes: str, **given: Any
) -> Part:
    """Build a part of a neuron from its config.

    Args:
        setting: Config, or the part itself.
        kind: Class that the part must have.
        option: Name of the neuron's option, for messages.
        example: A config that is right, for messages.
        takes: What the class takes, for messages.
        **given: What the neuron tells the part.

    Raises:
        ValueError: It is neither.
    """
    built = setting
    if isinstance(setting, dict):
        options = dict(setting)
        name = options.pop('type', None)
        # Looked up here, not in the scope of a config: a neuron takes it in any library.
        found = MODELS.get(name) if isinstance(name, str) else name
        try:
            right = isinstance(found, type) and issubclass(found, kind)
            built = found(**options, **given) if right else None
        except TypeError as error:
            raise ValueError(
                f'{option} has a setting that it does not take: {error}. {kind.__name__} takes '
                f'{takes}.'
            ) from None
    if not isinstance(built, kind):
        raise ValueError(
            f'{option} must be the config of a {kind.__name__}, as {example}, got {setting!r}.'
        )
    return built
