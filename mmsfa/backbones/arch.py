"""The published sizes of E-SpikeFormer and what makes the two families differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mmpretrain.registry import MODELS

SETTINGS: dict[str, dict] = {
    'tiny': dict(channels=(24, 48, 96, 128)),
    '5m': dict(channels=(32, 64, 128, 192)),
    '10m': dict(channels=(48, 96, 192, 240)),
    '19m': dict(channels=(64, 128, 256, 360)),
    '30m': dict(channels=(80, 160, 320, 440)),
    '52m': dict(channels=(112, 224, 448, 560)),
    '83m': dict(family='large', channels=(128, 256, 512), local_ratio=1.0),
    '173m': dict(family='large', channels=(196, 384, 768)),
    # The width of the published pre-training of 173m, which its fine-tuning cannot load.
    '173m_w192': dict(family='large', channels=(192, 384, 768)),
}


@dataclass(frozen=True)
class Arch:
    """Everything that depends on the architecture.

    Attributes:
        channels: Channels of the five maps, C0/2 first.
        depths: Blocks of the five stages; the first three are stages of convolution blocks.
        stage4_strides: Strides that the fifth stage may have; the first one is published.
        neuron_cfg: The published neuron.
        attn_cfg: The published attention.
        conv_block: Further arguments of the convolution blocks.
        transformer_block: Further arguments of the transformer blocks.
        rep_convs: Whether it has convolutions that are merged for inference.
    """

    channels: tuple[int, ...]
    depths: tuple[int, ...]
    stage4_strides: tuple[int, ...]
    neuron_cfg: dict[str, Any]
    attn_cfg: dict[str, Any]
    conv_block: dict[str, Any] = field(default_factory=dict)
    transformer_block: dict[str, Any] = field(default_factory=dict)
    rep_convs: bool = False

    def complete_attention(self, attn_cfg: dict, T: int = 1) -> dict:
        """Fill what a config leaves out of the family's attention; another type stays as it is."""
        return complete_attention(attn_cfg, self.attn_cfg, T)

    @classmethod
    def of(cls, arch: str | dict) -> Arch:
        """Read the argument ``arch`` of the backbone.

        Args:
            arch: A name, or a dict with ``channels`` and, if they differ, ``family`` (``'base'``
                or ``'large'``), ``depths`` and ``mlp_ratio``. The base family has four channels
                C0..C3 and five depths, the large one three channels C0..C2, four depths, and
                ``local_ratio``: the hidden width / C of its extra branch (None has no branch).

        Raises:
            ValueError: The name is unknown or the dict is incomplete.
        """
        if isinstance(arch, str):
            if arch not in SETTINGS:
                raise ValueError(
                    f"arch must be one of {sorted(SETTINGS)} or a dict with the key 'channels', "
                    f'got {arch!r}.'
                )
            arch = SETTINGS[arch]
        if not isinstance(arch, dict):
            raise ValueError(
                f"arch must be a name or a dict with the key 'channels', got {arch!r}."
            )
        families = dict(base=_base, large=_large)
        if arch.get('family', 'base') not in families:
            raise ValueError(
                f"The family of an arch dict must be 'base' or 'large', got {arch['family']!r}."
            )
        settings = {key: value for key, value in arch.items() if key != 'family'}
        return families[arch.get('family', 'base')](settings)


def complete_attention(attn_cfg: dict, published: dict, T: int = 1) -> dict:
    """Fill what a config leaves out of the published attention, or of one that is made from it.

    Args:
        attn_cfg: Of the config, perhaps without a type.
        published: The attention that is built without any config.
        T: Number of real time steps, for an attention that learns something of each of them:
            neurons tell it theirs, the ordinary activations of a twin do not.

    Raises:
        ValueError: It is no dict, or names another T.
    """
    if not isinstance(attn_cfg, dict):
        raise ValueError(
            "attn_cfg must be a dict, as dict(type='mmpretrain.StepAlignedAttention'), "
            f'got {attn_cfg!r}.'
        )
    kind, base = (_type_of({**published, **one}['type']) for one in (attn_cfg, {}))
    same = isinstance(kind, type) and isinstance(base, type) and issubclass(kind, base)
    found = {**published, **attn_cfg} if same else attn_cfg
    if not getattr(kind, 'learns_steps', False):
        return found
    if found.get('T') not in (None, T):
        raise ValueError(
            f'The attention must have as many time steps as the network, T={T}, got '
            f'T={found["T"]!r}: leave T out of attn_cfg.'
        )
    return {**found, 'T': T}


def _type_of(kind: str | type) -> object:
    return MODELS.get(kind) if isinstance(kind, str) else kind


def _read(settings: dict, num_channels: int, depths: tuple[int, ...], *optional: str) -> tuple:
    unknown = set(settings) - {'channels', 'depths', 'mlp_ratio', *optional}
    channels = tuple(settings.get('channels', ()))
    if unknown or len(channels) != num_channels or channels[0] % 2:
        may = ', '.join(map(repr, ('depths', 'mlp_ratio', *optional)))
        raise ValueError(
            f"An arch dict must have the key 'channels' ({num_channels} numbers from C0 on, C0 "
            f'even) and may have {may}, got {settings}.'
        )
    found = tuple(settings.get('depths', depths))
    if len(found) != len(depths):
        raise ValueError(
            f'depths must give the number of blocks of {len(depths)} stages, got {found}.'
        )
    return (channels[0] // 2, *channels), found, dict(mlp_ratio=settings.get('mlp_ratio', 4))


def _base(settings: dict) -> Arch:
    """Separable convolutions in every block; two stages of transformer blocks at stride 16."""
    channels, depths, mlp = _read(settings, 4, (1, 1, 2, 6, 2))
    return Arch(
        channels=channels,
        depths=depths,
        stage4_strides=(1, 2),
        neuron_cfg=dict(type='mmpretrain.SFA', D=4),
        attn_cfg=dict(type='mmpretrain.SpikeDrivenSelfAttention'),
        transformer_block=mlp,
    )


def _large(settings: dict) -> Arch:
    """Convolutions that are merged for inference; one stage of transformer blocks.

    The fifth map, at stride 32, is not published: one downsampling layer for dense prediction.
    """
    channels, depths, mlp = _read(settings, 3, (1, 1, 2, 12), 'local_ratio')
    ratio = settings.get('local_ratio')
    if ratio is not None and not ratio > 0:
        raise ValueError(f'local_ratio (hidden width / C) must be None or > 0, got {ratio!r}.')
    local = dict(local=None) if ratio is None else dict(local='rep_conv', local_ratio=ratio)
    return Arch(
        channels=(*channels, channels[-1]),
        depths=(*depths, 0),
        stage4_strides=(2,),
        neuron_cfg=dict(type='mmpretrain.SFA', D=4, rounding='half_up', grad_range='open'),
        attn_cfg=dict(
            type='mmpretrain.SpikeDrivenSelfAttention', v_ratio=1, scale=0.125, rep_ratio=1.5
        ),
        conv_block=dict(sep_conv=False, bias=True),
        transformer_block=dict(**mlp, **local),
        rep_convs=True,
    )
