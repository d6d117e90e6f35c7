"""Draw where the attentions of a model look from one place of a test picture.

Example:
    python tools/analysis_tools/plot_receptive_field.py configs/seg/upernet_esf_dubai.py \
        work_dirs/upernet_esf_dubai/iter_1400.pth --place 0.4 0.6 --out fields.png
"""

from __future__ import annotations

import mmsfa  # noqa: F401  first: it says what is wrong with an installation

# isort: split

import argparse
from itertools import islice
from pathlib import Path

import numpy as np
from torch import Tensor

from mmsfa.apis.trained_model import load_trained, picture_loader
from mmsfa.cli.options import add_model_options, read_config, run_tool
from mmsfa.errors import OptionError
from mmsfa.visualization.receptive_field import describe, draw_fields, receptive_fields


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_model_options(parser)
    parser.add_argument(
        '--picture', type=int, default=0, help='which test picture, from 0 (default: %(default)s)'
    )
    parser.add_argument(
        '--place',
        type=float,
        nargs=2,
        default=(0.5, 0.5),
        metavar=('ROW', 'COLUMN'),
        help='where it looks from, as shares of height and width (default: the middle)',
    )
    parser.add_argument(
        '--layers', nargs='+', help='names of attentions, or parts of them (default: all)'
    )
    parser.add_argument('--out', type=Path, default=Path('receptive_fields.png'), help='the figure')
    return parser.parse_args()


def chosen(fields: dict[str, Tensor], layers: list[str] | None) -> dict[str, Tensor]:
    """The fields whose names hold one of the words.

    Raises:
        OptionError: There is none.
    """
    found = {n: f for n, f in fields.items() if not layers or any(word in n for word in layers)}
    if not found:
        raise OptionError(f'--layers {" ".join(layers or [])} fits none of: {", ".join(fields)}.')
    return found


def as_picture(inputs: Tensor) -> np.ndarray:
    """(C, H, W) as it is read, BGR or events -> (H, W, 3), uint8, RGB."""
    if len(inputs) != 3:
        inputs = inputs.float().mean(0, keepdim=True).expand(3, -1, -1)
        inputs = 255 * inputs / inputs.max().clamp(min=1e-6)
    return inputs.flip(0).permute(1, 2, 0).byte().contiguous().numpy()


def main() -> None:
    """Run the backbone on the picture and draw."""
    args = parse_args()
    cfg = read_config(args)
    model = load_trained(cfg, args.checkpoint, args.device)
    if args.picture < 0:
        raise OptionError(f'--picture must be a number from 0, got {args.picture}.')
    batch = next(islice(picture_loader(cfg, args.picture + 1), args.picture, None), None)
    if batch is None:
        raise OptionError(f'There is no test picture {args.picture}: they are fewer.')
    data = model.data_preprocessor(batch, False)
    fields = receptive_fields(model, lambda: model.extract_feat(data['inputs']), args.place)
    fields = {name: field.cpu() for name, field in chosen(fields, args.layers).items()}
    for name, field in fields.items():
        print(f'{name}: {describe(field, args.place, digits=1)}')
    args.out.parent.mkdir(parents=True, exist_ok=True)
    draw_fields(as_picture(batch['inputs'][0]), fields, args.place).savefig(args.out)
    print(f'The figure is in {args.out}')


if __name__ == '__main__':
    run_tool(main)
