"""``train_cfg`` and ``test_cfg`` of a model and its parts, with the keys that their code reads."""

from __future__ import annotations

from collections.abc import Iterator

from mmengine.registry import MODELS, TASK_UTILS

from .accepted_keys import Accepted, words_of
from .scopes import known_class
from .walk import walk

_NAMES = ('train_cfg', 'test_cfg')
_KNOWN = frozenset(
    (
        'augments probs '  # handed on to mmpretrain's `RandomBatchAugment` as a whole
        'debug'  # stands in most configs of mmdet, which has stopped reading it
    ).split()
)


def parts_of_model(model: dict) -> Iterator[tuple[str, dict, Accepted]]:
    """(key, settings, keys that are read) of all settings that are no part by themselves.

    A part takes such a dictionary as a whole, and never says that it does not know a key.

    Args:
        model: Of a config, whose scope is the current one.
    """
    kinds = []
    for _, node in walk(model):
        if isinstance(node, dict) and node.get('type') is not None:
            kind = known_class(node, MODELS) or known_class(node, TASK_UTILS)
            if kind is not None:
                kinds.append(kind)
    known = frozenset().union(_KNOWN, *(words_of(kind, imported=True) for kind in kinds))
    for path, node in walk(model, 'model'):
        keys = path.split('.')
        if isinstance(node, dict) and any(name in keys for name in _NAMES):
            yield path, node, Accepted(known, False, frozenset())
