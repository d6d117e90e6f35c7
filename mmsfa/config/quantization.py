"""The setting ``quantization`` at the top of a config quantises its model."""

from __future__ import annotations

from mmengine.config import Config

from mmsfa.errors import OptionError


def apply_quantization(cfg: Config) -> None:
    """Put ``quantization`` from the top of a config around its model, in place.

    ``model`` becomes ``dict(type='mmpretrain.Quantized', of=model, quantization=...)``, which the
    tools of any mm library build as it stands.

    Args:
        cfg: The whole config; without ``quantization``, or with None, it stays as it is.

    Raises:
        OptionError: It is neither a number of bits nor settings by role.
    """
    setting = cfg.pop('quantization', None)
    if setting is None:
        return
    if isinstance(setting, bool) or not isinstance(setting, (int, dict)):
        raise OptionError(
            'quantization must be a number of bits, or a dict of settings by role such as '
            f'dict(default=4, stem=8), got {setting!r}.'
        )
    cfg.model = dict(type='mmpretrain.Quantized', of=cfg.model, quantization=setting)
