"""Parts of a model that say nothing of keys which they do not know, with those that they read."""

from __future__ import annotations

from collections.abc import Iterator

from mmengine.registry import MODELS, TASK_UTILS

from .accepted_keys import Accepted, accepted_by, reads_no_settings, words_of
from .scopes import known_class
from .walk import walk

_NAMES = ('train_cfg', 'test_cfg')
_KNOWN = frozenset(
    {
        # stand in configs of mmdet whose heads do not, or no longer, read them
        'allowed_border',
        'assigner',
        'debug',
        'pos_weight',
        'sampler',
        # handed on as a whole to mmpretrain's `RandomBatchAugment`
        'augments',
        'probs',
        # and to mmcv's functions of the nms family
        'class_agnostic',
        'iou_thr',
        'iou_threshold',
        'kernel',
        'max_num',
        'method',
        'min_score',
        'offset',
        'score_threshold',
        'sigma',
        'split_thr',
    }
)


def parts_of_model(model: dict) -> Iterator[tuple[str, dict, Accepted]]:
    """(key, settings, keys that are read) of ``train_cfg``, ``test_cfg`` and coders of boxes.

    A part takes such a dictionary as a whole, and never says that it does not know a key. Known is
    what the source of any part of the model, or of what it imports, names.

    Args:
        model: Of a config, whose scope is the current one.
    """
    known = _KNOWN
    for _, node in walk(model):
        kind = _class_of(node)
        if kind is not None and not reads_no_settings(kind.__module__):
            known = known | words_of(kind, imported=True)
    for path, node in walk(model, 'model'):
        keys = path.split('.')
        if not isinstance(node, dict):
            continue
        kind = _class_of(node)
        if not any(name in keys for name in _NAMES):
            if getattr(kind, '__module__', '').startswith('mmdet.models.task_modules.coders'):
                yield path, node, accepted_by(kind)  # their last base takes any keyword
            continue
        if kind is not None:
            yield path, node, accepted_by(kind)
        elif node.get('type') is None or keys[-1].startswith('nms'):
            yield path, node, Accepted(known, False, frozenset())


def _class_of(node: object) -> object:
    """The class that a node builds; None also for what is in neither registry."""
    if not isinstance(node, dict) or node.get('type') is None:
        return None
    return known_class(node, MODELS) or known_class(node, TASK_UTILS)
