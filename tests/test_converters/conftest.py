"""Names and shapes of every published model, by the rules that the parity kit shows."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

Names = dict[str, tuple[int, ...]]


def layer(name: str, *shape: int, bias: bool = True) -> Names:
    return {f'{name}.weight': shape} | ({f'{name}.bias': shape[:1]} if bias else {})


def bn(name: str, channels: int) -> Names:
    vectors = ('weight', 'bias', 'running_mean', 'running_var')
    return {f'{name}.{part}': (channels,) for part in vectors} | {f'{name}.num_batches_tracked': ()}


def conv_bn(name: str, *shape: int) -> Names:
    """Sequential(conv, BN)."""
    return layer(f'{name}.0', *shape, bias=False) | bn(f'{name}.1', shape[0])


def downsample(name: str, c_in: int, c_out: int, kernel: int = 3) -> Names:
    conv = layer(f'downsample{name}.encode_conv', c_out, c_in, kernel, kernel)
    return conv | bn(f'downsample{name}.encode_bn', c_out)


def sep_conv(name: str, c: int, kernel: int) -> Names:
    return (
        conv_bn(f'{name}.pwconv1', 2 * c, c, 1, 1)
        | conv_bn(f'{name}.dwconv', 2 * c, 1, kernel, kernel)
        | conv_bn(f'{name}.pwconv2', c, 2 * c, 1, 1)
    )


def mlp(name: str, c: int) -> Names:
    return (
        layer(f'{name}.fc1_conv', 4 * c, c, 1)
        | bn(f'{name}.fc1_bn', 4 * c)
        | layer(f'{name}.fc2_conv', c, 4 * c, 1)
        | bn(f'{name}.fc2_bn', c)
    )


def stem(stages: list[tuple[str, int]], in_channels: int) -> Names:
    """Downsampling layers: name and width of each."""
    widths = [in_channels, *(width for _, width in stages)]
    names: Names = {}
    for (name, width), c_in in zip(stages, widths, strict=False):
        names |= downsample(name, c_in, width, 7 if name == '1_1' else 3)
    return names


def base(*channels: int, in_channels: int = 3, layer_scales: bool = False) -> Names:
    c0, c1, c2, c3 = channels
    names = stem([('1_1', c0 // 2), ('1_2', c0), ('2', c1), ('3', c2), ('4', c3)], in_channels)
    for block, c in {'1_1': c0 // 2, '1_2': c0, '2_1': c1, '2_2': c1}.items():
        name = f'ConvBlock{block}.0'
        names |= sep_conv(f'{name}.Conv', c, 7)
        names |= layer(f'{name}.conv1', 4 * c, c, 3, 3, bias=False) | bn(f'{name}.bn1', 4 * c)
        names |= layer(f'{name}.conv2', c, 4 * c, 3, 3, bias=False) | bn(f'{name}.bn2', c)
    for stage, count, c in ((3, 6, c2), (4, 2, c3)):
        for name in [f'block{stage}.{i}' for i in range(count)]:
            if layer_scales:
                names |= {f'{name}.layer_scale{i}': (c,) for i in (1, 2, 3)}
            names |= sep_conv(f'{name}.conv', c, 3) | mlp(f'{name}.mlp', c)
            for part, c_out, c_in in (
                ('q', c, c),
                ('k', c, c),
                ('v', 4 * c, c),
                ('proj', c, 4 * c),
            ):
                names |= conv_bn(f'{name}.attn.{part}_conv', c_out, c_in, 1, 1)
    return names


def large(
    *channels: int, local: int | None, layer_scales: bool = True, container: bool = True
) -> Names:
    """`local`: hidden width of the extra branch; `container`: around the dense convolutions."""
    c0, c1, c2 = channels
    names = stem([('1_1', c0 // 2), ('1_2', c0), ('2', c1), ('3', c2)], 3)
    for block, c in {'1_1': c0 // 2, '1_2': c0, '2_1': c1, '2_2': c1}.items():
        for i, shape in {1: (4 * c, c, 3, 3), 2: (c, 4 * c, 3, 3)}.items():
            inside = ('conv{}.0.0', 'conv{}.0.1') if container else ('conv{}', 'bn{}')
            conv, norm = (f'ConvBlock{block}.0.{part.format(i)}' for part in inside)
            names |= layer(conv, *shape) | bn(norm, shape[0])
    for name in [f'block3.{i}' for i in range(12)]:
        if layer_scales:
            names |= {f'{name}.layer_scale{i}': (c2,) for i in (1, 2)}
        if local:
            names |= conv_bn(f'{name}.rep_conv.conv1', local, c2, 1)
            names |= conv_bn(f'{name}.rep_conv.conv2', c2, local, 1)
        names |= mlp(f'{name}.mlp', c2)
        for part in [f'{name}.attn.{part}_conv' for part in ('q', 'k', 'v', 'proj')]:
            hidden = c2 * 3 // 2
            names |= conv_bn(f'{part}.0.conv1', hidden, c2, 1)
            names |= conv_bn(f'{part}.0.conv2', c2, hidden, 1) | bn(f'{part}.1', c2)
    return names


def mae_decoder(c: int) -> Names:
    """What follows the encoder: BN, and a decoder of timm's blocks."""
    names = bn('norm', c) | {'pos_embed': (1, 196, c), 'mask_token': (1, 1, 256)}
    names |= {'decoder_pos_embed': (1, 196, 256)} | layer('decoder_embed', 256, c)
    for name in [f'decoder_blocks.{i}' for i in range(4)]:
        names |= layer(f'{name}.norm1', 256) | layer(f'{name}.norm2', 256)
        names |= layer(f'{name}.attn.qkv', 768, 256, bias=False)
        names |= layer(f'{name}.attn.proj', 256, 256)
        names |= layer(f'{name}.mlp.fc1', 1024, 256) | layer(f'{name}.mlp.fc2', 256, 1024)
    return names | layer('decoder_norm', 256) | layer('decoder_pred', 768, 256)


def spike_fpn(*channels: int, out: int) -> Names:
    names: Names = {}
    for i, c in enumerate(channels):
        names |= layer(f'lateral_convs.{i}.1.0.conv', out, c, 1, 1)
        names |= layer(f'fpn_convs.{i}.1.0.conv', out, out, 3, 3)
    return names


def rpn_head(c: int) -> Names:
    convs = layer('rpn_conv.1.0', c, c, 3, 3) | layer('rpn_cls.1.0', 3, c, 1, 1)
    return convs | layer('rpn_reg.1.0', 12, c, 1, 1)


def box_head(c: int, hidden: int) -> Names:
    names = layer('shared_fcs.0.1.0', hidden, 49 * c) | layer('shared_fcs.1.1.0', hidden, hidden)
    return names | layer('fc_cls', 81, hidden) | layer('fc_reg', 320, hidden)


def cascade_box_head(c: int, hidden: int) -> Names:
    names: Names = {}
    for name in [f'shared_convs.{i}.1.0' for i in range(4)]:
        names |= layer(f'{name}.conv', c, c, 3, 3, bias=False) | bn(f'{name}.bn', c)
    names |= layer('shared_fcs.0.1.0', hidden, 49 * c)
    return names | layer('fc_cls', 81, hidden) | layer('fc_reg', 320, hidden)


def mask_head(c: int) -> Names:
    names: Names = {}
    for i in range(4):
        names |= layer(f'convs.{i}.1.0.conv', c, c, 3, 3)
    return names | layer('upsample.1.0', c, c, 2, 2) | layer('conv_logits.1.0', 80, c, 1, 1)


def segmentor(*channels: int) -> Names:
    """Neck and head of Semantic FPN."""
    names: Names = {}
    for i, c in enumerate(channels):
        names |= layer(f'neck.lateral_convs.{i}.0', 128, c, 1, 1)
        names |= bn(f'neck.lateral_convs.{i}.1', 128)
        names |= layer(f'neck.fpn_convs.{i}.0', 128, 128, 3, 3)
        names |= bn(f'neck.fpn_convs.{i}.1', 128)
        for name in [f'decode_head.scale_heads.{i}.{2 * j}' for j in range(max(i, 1))]:
            names |= layer(f'{name}.1', 128, 128, 3, 3, bias=False) | bn(f'{name}.2', 128)
    return names | layer('decode_head.conv_seg', 150, 128, 1, 1)


def under(prefix: str, names: Names) -> Names:
    return {f'{prefix}.{name}': shape for name, shape in names.items()}


def mask_rcnn(*channels: int, out: int, hidden: int, cascade: bool = False) -> Names:
    """A whole detector."""
    boxes = under('bbox_head', box_head(out, hidden)) | under('mask_head', mask_head(out))
    if cascade:
        boxes = {}
        for i in range(3):
            boxes |= under(f'bbox_head.{i}', cascade_box_head(out, hidden))
            boxes |= under(f'mask_head.{i}', mask_head(out))
    return (
        under('backbone', base(*channels))
        | under('neck', spike_fpn(*channels, out=out))
        | under('rpn_head', rpn_head(out))
        | under('roi_head', boxes)
    )


def shapes_only(names: Names) -> dict[str, torch.Tensor]:
    """Tensors without content: a 173M model costs nothing."""
    return {name: torch.empty(shape, device='meta') for name, shape in names.items()}


@pytest.fixture(scope='session')
def published() -> SimpleNamespace:
    """Functions that list the names and shapes of published models."""
    return SimpleNamespace(
        base=base,
        large=large,
        mae_decoder=mae_decoder,
        classifier=lambda c, classes=1000: layer('head', classes, c),
        second_head=lambda c: layer('head_kd', 1000, c),
        spike_fpn=spike_fpn,
        rpn_head=rpn_head,
        box_head=box_head,
        mask_head=mask_head,
        mask_rcnn=mask_rcnn,
        segmentor=segmentor,
        under=under,
        shapes_only=shapes_only,
    )
