"""Convert a published E-SpikeFormer checkpoint (Spike-Driven Transformer V3) to mmsfa.

It knows every published kind: image classifiers of all sizes (distilled ones, too), Mask R-CNN and
Cascade Mask R-CNN, Semantic FPN, masked pre-training, and the event-camera classifier. It tells
kind and size from names and shapes.

Example:
    python tools/model_converters/sdt_v3_to_mmsfa.py V3_19.0M_1x4.pth e_spikeformer_19m.pth

The result is an ordinary checkpoint of the OpenMMLab libraries (``backbone.*``, ``neck.*``,
``head.*``), which a config loads whole with ``load_from``, or as a backbone with
``init_cfg=dict(type='Pretrained', checkpoint=..., prefix='backbone.')``.
"""

from __future__ import annotations

import mmsfa  # first: it says what is wrong with an installation

# isort: split

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any, TypeGuard

import torch
from safetensors.torch import save
from torch import Tensor

from mmsfa.cli.options import run_tool
from mmsfa.converters import (
    ConversionError,
    Layout,
    convert,
    differences,
    recognise,
    refuse_foreign,
    why_unused,
)
from mmsfa.engine import safe_load

StateDict = dict[str, Tensor]


def is_state_dict(content: object) -> TypeGuard[StateDict]:
    """Whether it is a dict of tensors."""
    tensors = list(content.values()) if isinstance(content, dict) else []
    return bool(tensors) and all(isinstance(value, Tensor) for value in tensors)


def read(path: Path, key: str | None = None) -> tuple[StateDict, dict[str, Any]]:
    """Read a published checkpoint without executing anything in it.

    Args:
        path: A ``.pth`` or ``.safetensors`` file.
        key: Where the state dict is; None looks for ``model`` and ``state_dict``.

    Returns:
        The state dict, and what the file knows about classes and colours.

    Raises:
        UserError: The file is missing, damaged, could run code, or holds no state dict.
    """
    # The published training scripts save their command line beside the weights; it is only data.
    with torch.serialization.safe_globals([argparse.Namespace]):
        content = safe_load(path)
    inside = content if isinstance(content, dict) else {}
    others = [name for name, value in inside.items() if is_state_dict(value)]
    if key is None:
        key = next((name for name in ('model', 'state_dict') if name in inside), None)
        where = "neither under 'model' nor 'state_dict'"
    else:
        where = f'at least not under {key!r}'
    state_dict = content if key is None else inside.get(key)
    if not is_state_dict(state_dict):
        hint = f'; look under --key {" or ".join(others)}' if others else ''
        raise ConversionError(f'{path} has no state dict, {where}{hint}.')
    if set(others) - {key}:
        print(f'Taken: {key}. Not taken: {", ".join(set(others) - {key})} (see --key).')
    meta = inside.get('meta') or {}
    return state_dict, {k: meta[k] for k in ('dataset_meta', 'CLASSES', 'PALETTE') if k in meta}


def num_parameters(state_dict: StateDict) -> int:
    """Number of parameters, without the buffers of BN."""
    buffers = ('running_mean', 'running_var', 'num_batches_tracked')
    return sum(t.numel() for name, t in state_dict.items() if not name.endswith(buffers))


def describe(layout: Layout, state_dict: StateDict) -> str:
    """What was found, and the configs that fit."""
    lines = [f'Found: {layout.title}, {num_parameters(state_dict):,} parameters']
    for part, cfg in dict(backbone=layout.backbone, head=layout.head).items():
        if cfg is not None:
            settings = ''.join(f'    {key}={value!r},\n' for key, value in cfg.items())
            lines.append(f'model.{part}: dict(\n{settings})')
    if layout.advice:
        lines.append(layout.advice)
    return '\n'.join(lines)


def write(path: Path, state_dict: StateDict, source: Path, meta: dict[str, Any]) -> None:
    """Write the converted checkpoint with the classes of a detector or segmentor."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == '.safetensors':
        classes = (meta.get('dataset_meta') or {}).get('classes') or meta.get('CLASSES')
        header = dict(dataset_meta=json.dumps(dict(classes=list(classes)))) if classes else None
        # save_file would make a file that nobody but its owner may read.
        path.write_bytes(save({k: v.contiguous() for k, v in state_dict.items()}, header))
        return
    meta = dict(mmsfa_version=mmsfa.__version__, source=source.name, **meta)
    torch.save(dict(meta=meta, state_dict=state_dict), path)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('src', type=Path, help='published checkpoint (.pth or .safetensors)')
    parser.add_argument('dst', type=Path, help='where to write (.pth or .safetensors)')
    parser.add_argument(
        '--key',
        help='which state dict of the file, for instance model_ema; default: model or state_dict',
    )
    parser.add_argument(
        '--allow-leftover', action='store_true', help='write even if something did not match'
    )
    return parser.parse_args()


def main() -> None:
    """Convert one file."""
    args = parse_args()
    if args.dst.suffix not in ('.pth', '.safetensors'):
        raise ConversionError(f'DST must end in .pth or .safetensors, got {args.dst}.')
    source, meta = read(args.src, args.key)
    refuse_foreign(source)
    state_dict, leftover = convert(source)
    layout = recognise(state_dict)
    print(describe(layout, state_dict))
    for reason, count in Counter(filter(None, map(why_unused, source))).items():
        print(f'ignored     {count} tensors: {reason}')
    misfits = [f'leftover    {name}' for name in leftover] + differences(state_dict, layout)
    for line in misfits:
        print(line)
    if misfits and not args.allow_leftover:
        raise ConversionError(
            f'{len(misfits)} tensors did not match (listed above); nothing was written. Use '
            '--allow-leftover to write the rest.'
        )
    write(args.dst, state_dict, args.src, meta)
    print(f'{len(state_dict)} tensors written to {args.dst}')


if __name__ == '__main__':
    run_tool(main)
