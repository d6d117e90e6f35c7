"""Weights that are to give figures fill the whole model; mmengine only warns where they do not."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from mmsfa.errors import OptionError


def load_whole(model: nn.Module, state_dict: Mapping[str, Tensor], source: str) -> None:
    """Load weights, or say that they belong to another model.

    Weights of parts that the model lacks altogether are left out: a teacher, the mask head of a
    detector that is tested for boxes.

    Args:
        model: What gets them.
        state_dict: Their names may begin with ``module.``, as those of a wrapped model do.
        source: File or URL, for the message.

    Raises:
        OptionError: Half of a model would run: weights are missing, have another shape, or lie in
            a part that has no such weight.
    """
    mine = model.state_dict()
    fitting: Any = OrderedDict(_without_wrapper(state_dict))
    other = [key for key in mine if key in fitting and mine[key].shape != fitting[key].shape]
    for key in other:
        del fitting[key]
    # Settings of neurons and quantisers, which they compare with their own.
    fitting._metadata = _without_wrapper(getattr(state_dict, '_metadata', None) or {})
    missing, unexpected = model.load_state_dict(fitting, strict=False)
    unexpected = [key for key in unexpected if not _is_of_another_part(model, key)]
    # Counted for BN without momentum only; converters leave it out.
    missing = [k for k in missing if not k.endswith('num_batches_tracked') and k not in other]
    if missing or other or unexpected:
        wrong = [f'lacks {key}' for key in missing[:1]]
        wrong += [f'has {key} in another shape' for key in other[:1]]
        wrong += [f'has {key}, which the model lacks' for key in unexpected[:1]]
        number = len(missing) + len(other) + len(unexpected)
        raise OptionError(
            f'{source} does not belong to this config: it {" and ".join(wrong)} ({number} '
            'weights do not fit). Give the config that it was trained with.'
        )


def _is_of_another_part(model: nn.Module, key: str) -> bool:
    """Whether a weight is of a part by itself, as heads and necks are, that the model has not."""
    owner: nn.Module | None = model
    for depth, name in enumerate(key.split('.')[:-1]):
        owner = owner._modules.get(name) if owner is not None else None
        if owner is None:
            return depth == 0 or name.endswith(('head', 'neck'))
    return False


def _without_wrapper(named: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix('module').removeprefix('.'): one for name, one in named.items()}
