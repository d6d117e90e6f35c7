"""Convert a published E-SpikeFormer checkpoint (Spike-Driven Transformer V3) to mmsfa.

Example:
    python tools/model_converters/sdt_v3_to_mmsfa.py V3_19.0M_1x4.pth e_spikeformer_19m.pth

The result is an mmpretrain-style checkpoint (``backbone.*``, ``head.*``; a detector or segmentor
keeps its ``neck.*`` and heads), which a config loads with
``init_cfg=dict(type='Pretrained', checkpoint=..., prefix='backbone.')``.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import torch
from mmpretrain.registry import MODELS
from safetensors.torch import save
from torch import Tensor

import mmsfa
from mmsfa.engine import safe_load
from mmsfa.engine.cli import run_tool
from mmsfa.engine.errors import UserError

# Published name -> ours, tried in this order; every rule may apply once.
_BACKBONE_RULES = [
    (r'^downsample1_1\.', 'downsample_layers.0.'),
    (r'^downsample1_2\.', 'downsample_layers.1.'),
    (r'^downsample([234])\.', r'downsample_layers.\1.'),
    (r'^ConvBlock1_1\.0\.', 'stages.0.0.'),
    (r'^ConvBlock1_2\.0\.', 'stages.1.0.'),
    (r'^ConvBlock2_1\.0\.', 'stages.2.0.'),
    (r'^ConvBlock2_2\.0\.', 'stages.2.1.'),
    (r'^block([34])\.', r'stages.\1.'),
    (r'\.encode_(conv|bn)\.', r'.\1.'),
    (r'\.[Cc]onv\.(pwconv1|dwconv|pwconv2)\.0\.', r'.sep_conv.\1.conv.'),
    (r'\.[Cc]onv\.(pwconv1|dwconv|pwconv2)\.1\.', r'.sep_conv.\1.bn.'),
    (r'^(stages\.[012]\.\d)\.(conv|bn)([12])\.', r'\1.conv\3.\2.'),
    (r'\.attn\.proj_conv\.', '.attn.proj.'),
    (r'\.attn\.(\w+)\.0\.', r'.attn.\1.conv.'),
    (r'\.attn\.(\w+)\.1\.', r'.attn.\1.bn.'),
    (r'\.mlp\.(fc[12])_(conv|bn)\.', r'.mlp.\1.\2.'),
    (r'\.layer_scale1$', '.layer_scales.0.weight'),
    (r'\.layer_scale2$', '.layer_scales.1.weight'),
    (r'\.layer_scale3$', '.layer_scales.2.weight'),
]
_HEAD_RULES = [
    (r'^head\.(weight|bias)$', r'head.fc.\1'),
    # detection: each layer is the second of [neuron, container[layer]]
    (r'((?:convs|fcs)\.\d)\.1\.0\.', r'\1.'),
    (r'(rpn_conv|rpn_cls|rpn_reg|upsample|conv_logits)\.1\.0\.', r'\1.'),
    # segmentation: Sequential(conv, BN), and Sequential(neuron, conv, BN)
    (r'^(neck\.\w+\.\d)\.0\.', r'\1.conv.'),
    (r'^(neck\.\w+\.\d)\.1\.', r'\1.bn.'),
    (r'^(decode_head\.scale_heads\.\d\.\d)\.1\.', r'\1.conv.'),
    (r'^(decode_head\.scale_heads\.\d\.\d)\.2\.', r'\1.bn.'),
]
_BACKBONE_PARTS = ('downsample', 'ConvBlock', 'block')
# What may stand behind our own names of necks and heads.
_OTHER_PARTS = re.compile(
    r'head\.fc\.'
    r'|neck\.(lateral_convs|fpn_convs)\.\d\.(conv|bn)\.'
    r'|rpn_head\.(rpn_conv|rpn_cls|rpn_reg)\.'
    r'|roi_head\.(bbox_head|mask_head)\.(\d\.)?(shared_fcs\.\d|shared_convs\.\d\.(conv|bn)'
    r'|fc_cls|fc_reg|convs\.\d\.conv|upsample|conv_logits)\.'
    r'|decode_head\.(scale_heads\.\d\.\d\.(conv|bn)|conv_seg)\.'
)


class ConversionError(UserError, ValueError):
    """The checkpoint is no published E-SpikeFormer, or not all of it could be converted."""


def _rename(name: str, rules: list[tuple[str, str]]) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name, count=1)
    return name


def read(path: Path) -> dict[str, Tensor]:
    """Read the state dict of a published checkpoint without executing anything in it.

    Args:
        path: A ``.pth`` or ``.safetensors`` file.

    Raises:
        UserError: The file is missing, damaged, could run code, or holds no state dict.
    """
    # The published training scripts save their command line beside the weights; it is only data.
    with torch.serialization.safe_globals([argparse.Namespace]):
        content = safe_load(path)
    for key in ('model', 'state_dict'):
        content = content.get(key, content) if isinstance(content, dict) else content
    tensors = content.values() if isinstance(content, dict) else []
    if not tensors or not all(isinstance(value, Tensor) for value in tensors):
        raise ConversionError(f"{path} has no state dict, neither under 'model' nor 'state_dict'.")
    return content


def convert(source: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Rename and reshape the tensors of a published state dict.

    Args:
        source: Published names and tensors of a backbone, classifier, detector or segmentor.

    Returns:
        The converted state dict, and the names that no rule knows or whose place is taken.
    """
    converted, leftover = {}, []
    for name, tensor in source.items():
        name = name.removeprefix('module.')
        bare = name.removeprefix('backbone.')
        if bare.startswith(_BACKBONE_PARTS):
            target = 'backbone.' + _rename(bare, _BACKBONE_RULES)
            if re.search(r'\.mlp\.fc\d\.conv\.weight$', target):
                tensor = tensor.reshape(*tensor.shape[:2], 1, 1)  # Conv1d -> 1x1 Conv2d
            if '.layer_scales.' in target:
                tensor = tensor.flatten()
        elif _OTHER_PARTS.match(_rename(name, _HEAD_RULES)):
            target = _rename(name, _HEAD_RULES)
        else:
            target = None
        if target is None or target in converted:  # two names for one place: the first one stays
            leftover.append(name)
        else:
            converted[target] = tensor
    _fold_neck_biases(converted)
    return converted, leftover


def _fold_neck_biases(state_dict: dict[str, Tensor]) -> None:
    """Move the biases that the published segmentation neck has before its BN into the BN."""
    for name in [n for n in state_dict if re.match(r'neck\..*\.conv\.bias$', n)]:
        mean = name.replace('.conv.bias', '.bn.running_mean')
        if mean in state_dict:
            state_dict[mean] = state_dict[mean] - state_dict.pop(name)


def build_backbone(state_dict: dict[str, Tensor]) -> torch.nn.Module:
    """Build the ESpikeFormer that a converted state dict belongs to, from its shapes."""
    names = [f'backbone.downsample_layers.{i}.conv.weight' for i in range(5)]
    missing = [name for name in names if name not in state_dict]
    if missing:
        raise ConversionError(
            f'This is no E-SpikeFormer of the 5M to 19M family: it has no {missing[0]}.'
        )
    has_scales = any('.layer_scales.' in name for name in state_dict)
    return MODELS.build(
        dict(
            type='ESpikeFormer',
            arch=dict(channels=[state_dict[name].shape[0] for name in names[1:]]),
            in_channels=state_dict[names[0]].shape[1],
            layer_scale_init=1.0 if has_scales else None,
        )
    )


def compare(state_dict: dict[str, Tensor], model: torch.nn.Module) -> list[str]:
    """List what differs from a backbone and its classifier: one line a tensor."""
    want = {f'backbone.{name}': tensor.shape for name, tensor in model.state_dict().items()}
    got = {n: t.shape for n, t in state_dict.items() if n.startswith('backbone.')}
    lines = [f'missing     {name} {tuple(want[name])}' for name in want.keys() - got.keys()]
    lines += [f'unexpected  {name} {tuple(got[name])}' for name in got.keys() - want.keys()]
    lines += [
        f'shape       {name}: expected {tuple(want[name])}, got {tuple(got[name])}'
        for name in want.keys() & got.keys()
        if want[name] != got[name]
    ]
    if 'head.fc.weight' in state_dict and 'head.fc.bias' not in state_dict:
        lines.append('missing     head.fc.bias')
    return sorted(lines)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Convert a published checkpoint to mmsfa')
    parser.add_argument('src', type=Path, help='published checkpoint (.pth or .safetensors)')
    parser.add_argument('dst', type=Path, help='where to write (.pth or .safetensors)')
    parser.add_argument(
        '--allow-leftover', action='store_true', help='write even if something did not match'
    )
    return parser.parse_args()


def main() -> None:
    """Convert one file."""
    args = parse_args()
    if args.dst.suffix not in ('.pth', '.safetensors'):
        raise ConversionError(f'DST must end in .pth or .safetensors, got {args.dst}.')
    state_dict, leftover = convert(read(args.src))
    differences = compare(state_dict, build_backbone(state_dict))
    for line in [f'leftover    {name}' for name in leftover] + differences:
        print(line)
    if (leftover or differences) and not args.allow_leftover:
        raise ConversionError(
            f'{len(leftover) + len(differences)} tensors did not match (listed above); '
            'nothing was written. Use --allow-leftover to write the rest.'
        )
    args.dst.parent.mkdir(parents=True, exist_ok=True)
    if args.dst.suffix == '.safetensors':
        # save_file would make a file that nobody but its owner may read.
        args.dst.write_bytes(save({k: v.contiguous() for k, v in state_dict.items()}))
    else:
        meta = dict(mmsfa_version=mmsfa.__version__, source=args.src.name)
        torch.save(dict(meta=meta, state_dict=state_dict), args.dst)
    print(f'{len(state_dict)} tensors written to {args.dst}')


if __name__ == '__main__':
    run_tool(main)
