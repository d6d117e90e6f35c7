r"""Publish a training checkpoint: its weights alone, in a format that cannot hold code.

Writes two files:

  OUT-xxxxxxxx.safetensors  weights, class names and colours; xxxxxxxx is the start of its SHA-256
  OUT-xxxxxxxx.json         a card: hashes, versions, config, metrics, classes

Optimiser, schedulers, logs and what auxiliary losses learnt are left out. Where a training has
averaged its weights (`EMAHook`), the averaged ones are published, as mmengine tests them, and the
raw ones are left out; the last lines and the card say which it was. Configs and tools load the
result like any checkpoint.

Weights of quantised layers (`quantization` of the config) are written as integers in their bits,
eight of 1 bit in one byte, with their scales; a model of the same config loads them exactly. Float
weights are quantised on the way with `--config CONFIG --cfg-options quantization=8`.

Example:
    python tools/model_converters/publish_model.py work_dirs/esf_tiny_flowers5/epoch_60.pth \
        esf_tiny_flowers5 --config configs/cls/esf_tiny_flowers5.py \
        --metrics work_dirs/esf_tiny_flowers5/20260101_120000/20260101_120000.json
"""

from __future__ import annotations

import mmsfa  # first: it says what is wrong with an installation

# isort: split

import argparse
import json
import re
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mmengine
import torch
from mmengine.config import Config
from safetensors.torch import save
from torch import Tensor

from mmsfa.apis.hashes import file_sha256, text_sha256
from mmsfa.apis.trained_model import load_trained
from mmsfa.checkpoint.loading import safe_load, trust_checkpoints
from mmsfa.cli.key_values import KeyValues
from mmsfa.cli.options import add_trust_option, read_config, run_tool
from mmsfa.compression.quantization import packed_state_dict, quantized_layers
from mmsfa.config.quantization import apply_quantization
from mmsfa.errors import OptionError, UserError
from mmsfa.losses import LEARNT_BY_LOSSES


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('in_file', type=Path, help='checkpoint (.pth or .safetensors)')
    parser.add_argument('out_file', type=Path, help='OUT; an ending .safetensors or .pth is cut')
    parser.add_argument(
        '--config',
        help='config for the card, which must fit the weights; default: the text in the checkpoint',
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action=KeyValues, help='change settings of --config'
    )
    parser.add_argument('--metrics', type=Path, help='JSON file with the metrics of tools/test.py')
    parser.add_argument('--overwrite', action='store_true', help='replace files that exist')
    add_trust_option(parser)
    args = parser.parse_args()
    args.allow_unknown = True  # the training has judged the settings
    return args


def weights_of(checkpoint: object, path: Path) -> dict[str, Tensor]:
    """The state dict, each tensor on its own: tied ones are repeated.

    Raises:
        UserError: There is none, or it holds something that is no plain tensor.
    """
    weights = checkpoint.get('state_dict', checkpoint) if isinstance(checkpoint, dict) else None
    if not isinstance(weights, dict) or not weights:
        raise UserError(f"{path} holds no weights: expected a dict with the key 'state_dict'.")
    for name, value in weights.items():
        if not isinstance(value, Tensor) or value.layout != torch.strided or value.is_quantized:
            raise UserError(
                f'{path} holds {name}, a {type(value).__name__} that is no plain tensor: '
                'safetensors cannot store it.'
            )
    plain = {name.removeprefix('module.'): value for name, value in weights.items()}
    return {
        name: value.detach().cpu().contiguous().clone()
        for name, value in plain.items()
        if not name.startswith(LEARNT_BY_LOSSES)
    }


def kind_of_weights(checkpoint: dict[str, Any]) -> str:
    """Whether the weights of a checkpoint are averaged: `EMAHook` saves those in place of the raw.

    Args:
        checkpoint: A file of a training, or a plain state dict, which does not tell.
    """
    if 'state_dict' not in checkpoint:
        return 'unknown: the file holds nothing but weights'
    # How often it has averaged; it copies the raw weights before its begin_iter or begin_epoch.
    steps = int((checkpoint.get('ema_state_dict') or {}).get('steps', 0))
    return f'averaged (EMA, {steps} updates)' if steps else 'raw, not averaged'


def dataset_meta_of(meta: dict[str, Any]) -> dict[str, Any]:
    """Class names and colours, as far as a checkpoint knows them, for JSON."""
    stored = meta.get('dataset_meta') or {}
    found: dict[str, Any] = {}
    if stored.get('classes'):
        found['classes'] = list(map(str, stored['classes']))
    if isinstance(stored.get('palette'), (list, tuple)):  # it may be the name of one
        found['palette'] = [list(map(int, colour)) for colour in stored['palette']]
    return found


def read_metrics(path: Path | None) -> dict[str, Any] | None:
    """The metrics of a test.

    Raises:
        OptionError: The file is no JSON object.
    """
    if path is None:
        return None
    try:
        metrics = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise OptionError(f'--metrics must name a JSON file, {path} is none: {error}.') from None
    if not isinstance(metrics, dict):
        raise OptionError(f'--metrics must be a JSON object of metrics, got {path}.')
    return metrics


def card_of_config(text: object, name: str | None) -> dict[str, Any] | None:
    """Name, text and hash of the config; points at paths that only this machine has."""
    if not isinstance(text, str):
        return None
    local = sorted(set(re.findall(r"""['"](/[^'"\s]*|[A-Za-z]:\\[^'"\s]*)['"]""", text)))
    if local:
        print(f'The text of the config names local paths, which the card shows: {", ".join(local)}')
    return dict(name=name, sha256=text_sha256(text), text=text)


def config_of(args: argparse.Namespace, text: object) -> Config | None:
    """The config that the weights fit: of the command line, or the checkpoint's if it quantises."""
    if args.config:
        return read_config(args)
    quantises = r"Quantized'|QuantConv|QuantLinear|BESTformer'|^quantization = "
    if not isinstance(text, str) or not re.search(quantises, text, re.MULTILINE):
        return None
    cfg = Config.fromstring(text, file_format='.py')
    apply_quantization(cfg)
    return cfg


def packed(weights: dict[str, Tensor], cfg: Config, path: Path) -> tuple[dict[str, Tensor], str]:
    """The weights, quantised ones as integers in their bits, and what was packed in words."""
    model = load_trained(cfg, str(path))
    layers = quantized_layers(model)
    if not layers:
        return weights, 'nothing'
    bits = Counter(layer.weight_bits for layer in layers.values())
    found = ', '.join(f'{count} of {size} bit' for size, count in sorted(bits.items()))
    return packed_state_dict(weights, model), f'{len(layers)} layers ({found})'


def main() -> None:
    """Publish one checkpoint."""
    args = parse_args()
    trust_checkpoints(args.trust_checkpoint)
    metrics = read_metrics(args.metrics)
    checkpoint = safe_load(args.in_file)
    weights = weights_of(checkpoint, args.in_file)
    only_weights = 'state_dict' not in checkpoint
    kind = kind_of_weights(checkpoint)
    meta = {} if only_weights else checkpoint.get('meta') or {}
    classes = dataset_meta_of(meta)
    cfg = config_of(args, meta.get('cfg'))
    packs = 'nothing'
    if cfg:
        weights, packs = packed(weights, cfg, args.in_file)
    if args.config and cfg:
        config = card_of_config(cfg.pretty_text, Path(args.config).name)
    else:
        config = card_of_config(meta.get('cfg'), None)

    name = args.out_file.name.removesuffix('.safetensors').removesuffix('.pth')
    folder = args.out_file.parent
    folder.mkdir(parents=True, exist_ok=True)
    # Both files are complete before either gets its name.
    with TemporaryDirectory(dir=folder, prefix='.publish_model_') as temporary:
        written = Path(temporary, 'weights.safetensors')
        # One key only: safetensors writes several in any order, and the hash would be another. Its
        # save_file would make a file that nobody but its owner may read.
        header = dict(dataset_meta=json.dumps(classes)) if classes else None
        written.write_bytes(save(weights, header))
        if cfg:
            load_trained(cfg, str(written))
        digest = file_sha256(written)
        published = folder / f'{name}-{digest[:8]}.safetensors'
        card = dict(
            file=published.name,
            sha256=digest,
            bytes=written.stat().st_size,
            tensors=len(weights),
            weights=kind,
            packed=packs,
            source=dict(file=args.in_file.name, sha256=file_sha256(args.in_file)),
            trained={key: meta[key] for key in ('epoch', 'iter') if key in meta},
            versions=dict(
                mmsfa=mmsfa.__version__, torch=torch.__version__, mmengine=mmengine.__version__
            ),
            dataset_meta=classes,
            metrics=metrics,
            config=config,
        )
        written_card = Path(temporary, 'card.json')
        written_card.write_text(json.dumps(card, indent=2) + '\n')
        files = {written: published, written_card: published.with_suffix('.json')}
        taken = [str(path) for path in files.values() if path.exists()]
        if taken and not args.overwrite:
            raise OptionError(
                f'{" and ".join(taken)} already exist: nothing was written. Choose another name, '
                'or add --overwrite.'
            )
        for source, target in files.items():
            source.replace(target)
    left_out = [] if only_weights else sorted(set(checkpoint) - {'state_dict', 'meta'})
    print(f'Left out: {", ".join(left_out) or "nothing"}')
    print(f'Weights: {kind}')
    print(f'Packed: {packs}')
    before, after = args.in_file.stat().st_size / 1e6, card['bytes'] / 1e6
    print(f'{len(weights)} tensors, {before:.1f} MB -> {after:.1f} MB, written to {published}')


if __name__ == '__main__':
    run_tool(main)
