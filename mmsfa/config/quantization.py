"""The setting ``quantization`` at the top of a config quantises its model."""

from __future__ import annotations

from mmengine.config import Config
from mmengine.registry import HOOKS

from mmsfa.errors import OptionError
from mmsfa.model_parts import wraps

from .scopes import known_class
from .walk import TRAINED, walk


def apply_quantization(cfg: Config) -> None:
    """Put ``quantization`` from the top of a config around its model, in place.

    ``model`` becomes ``dict(type='mmpretrain.Quantized', of=model, quantization=...)``, which the
    tools of any mm library build as it stands. A model that has it around it already, as in the
    config that a training writes down, gets the new setting.

    Args:
        cfg: The whole config; without ``quantization``, or with None, it stays as it is.

    Raises:
        OptionError: It is neither a number of bits nor settings by role, or the config asks for
            what multiplies with the float weights.
    """
    setting = cfg.pop('quantization', None)
    if setting is None:
        return
    if isinstance(setting, bool) or not isinstance(setting, (int, dict)):
        raise OptionError(
            'quantization must be a number of bits, or a dict of settings by role such as '
            f'dict(default=4, stem=8), got {setting!r}.'
        )
    if cfg.get('efficient_conv_bn_eval'):
        raise OptionError(
            'efficient_conv_bn_eval multiplies with the float weights, so that quantization would '
            'change nothing in evaluation: leave one of the two out.'
        )
    around = cfg.model
    while isinstance(around, dict) and isinstance(around.get('of'), dict):
        if wraps(around, 'Quantized'):
            around['quantization'] = setting
            return
        around = around['of']
    cfg.model = dict(type='mmpretrain.Quantized', of=cfg.model, quantization=setting)


def check_annealing(cfg: Config) -> None:
    """Refuse a training with annealed quantisers that nothing anneals.

    Configs of mmsfa have the hook; without it the gradient of the sign would stay as flat as it is
    in the beginning, and nothing would tell.

    Args:
        cfg: The whole config of a training.

    Raises:
        OptionError: There is no hook for them.
    """
    nodes = walk(cfg.model, 'model', TRAINED)
    annealed = [path for path, node in nodes if _is_annealed(node)]
    hooks = [*(cfg.get('default_hooks') or {}).values(), *(cfg.get('custom_hooks') or ())]
    if annealed and not any(map(_anneals, hooks)):
        raise OptionError(
            f"{annealed[0]} has gradient='anneal', and the config has no hook that sharpens it: "
            "add default_hooks=dict(quantization_anneal=dict(type='QuantizationAnnealHook'))."
        )


def _is_annealed(node: object) -> bool:
    return isinstance(node, dict) and node.get('gradient') == 'anneal'


def _anneals(hook: object) -> bool:
    kind = known_class(hook, HOOKS) if isinstance(hook, dict) else type(hook)
    return any(one.__name__ == 'QuantizationAnnealHook' for one in getattr(kind, '__mro__', ()))
