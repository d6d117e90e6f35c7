"""Which module of a model gives the scores of its classes."""

from __future__ import annotations

from torch import nn

from mmsfa.layers import readout_layers
from mmsfa.model_parts import class_heads_of, get, heads_of, is_behind_proposals

_SCORES = ('cls', 'seg', 'logits', 'score', 'fc', 'pred')  # in the names of such read-outs


def score_module_of(model: nn.Module, learns: bool = True) -> str:
    """The name of the module that gives the scores of the classes over the whole picture.

    Of a classifier it is the head (of one with two heads the second, which is the teacher's); of a
    segmentor or a one-stage detector the read-out layer of its last head; ``''``, the model itself,
    if it has no heads, as those of timm.

    Args:
        model: Any model of mmdet, mmseg, mmpretrain or timm.
        learns: Whether it is the student; a teacher of two heads is heard with the mean of both.

    Raises:
        ValueError: It scores regions, or several layers could be meant.
    """
    if not any(heads_of(model)):
        return ''
    dense = [one for one in class_heads_of(model) if not is_behind_proposals(one[0])]
    if not dense:
        raise ValueError(
            f'{type(model).__name__} scores regions, and its teacher would propose others. Distil '
            'features (FeatureDistillationLoss), or name a module that scores the whole picture, '
            "such as module='rpn_head.rpn_cls'."
        )
    path, head = dense[-1]
    if path == 'head':
        return 'head.fc_kd' if learns and hasattr(head, 'forward_heads') else 'head'
    layers = [name for name in readout_layers(head) if any(one in name for one in _SCORES)]
    known = get(head, 'cls_out_channels', get(head, 'out_channels', head.num_classes))
    fitting = [name for name in layers if _channels(head.get_submodule(name)) % known == 0]
    named = [name for name in fitting if 'reg' not in name and 'bbox' not in name]
    if len(named) != 1:
        raise ValueError(
            f'Which layer of {path} in {type(model).__name__} gives the scores is not clear: name '
            f'it in `module` (or `teacher_module`). Read-outs are: '
            f'{", ".join(f"{path}.{name}" for name in readout_layers(head)) or "not known"}.'
        )
    return f'{path}.{named[0]}'


def _channels(layer: nn.Module) -> int:
    return getattr(layer, 'out_channels', getattr(layer, 'out_features', 0))
