"""Run an exported model on pictures, without PyTorch.

Example:
    python -m mmsfa.runtime nuclei cells.png --out drawn.png --json found.json
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from mmsfa.errors import UserError

from .draw import draw
from .engines import ENGINES
from .folder import FORMS
from .model import Model
from .picture import read_picture
from .results import Classification, Instances, Result


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog='python -m mmsfa.runtime',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('folder', type=Path, help='what `export_onnx.py --out FOLDER` has written')
    parser.add_argument('picture', type=Path, help='a picture, or a folder of them')
    parser.add_argument('--out', type=Path, help='where it is drawn: a picture, or a folder')
    parser.add_argument('--json', type=Path, help="instances in COCO's format, labels or scores")
    parser.add_argument(
        '--form', choices=FORMS, default='float', help='of the graphs (default: %(default)s)'
    )
    parser.add_argument(
        '--engine', choices=ENGINES, default='onnxruntime', help='default: %(default)s'
    )
    parser.add_argument('--threads', type=int, help='threads of one operator')
    parser.add_argument(
        '--score-thr', type=float, default=0.3, help='least score drawn (default: %(default)s)'
    )
    return parser.parse_args(arguments)


def pictures_of(path: Path) -> list[Path]:
    """A picture itself, or those in a folder whose suffix Pillow knows.

    Raises:
        UserError: The folder holds none.
    """
    from PIL import Image

    if not path.is_dir():
        return [path]
    known = Image.registered_extensions()
    found = sorted(one for one in path.iterdir() if one.suffix.lower() in known)
    if not found:
        raise UserError(f'{path} must be a picture or a folder of pictures, and it holds none.')
    return found


def as_json(found: Result, model: Model, name: str) -> Any:
    """A result as JSON can hold it."""
    if isinstance(found, Instances):
        return model.coco(found, image_id=name)
    if isinstance(found, Classification):
        scores = dict(zip(model.classes, map(float, found.scores), strict=True))
        return [dict(image_id=name, category=model.classes[found.label], scores=scores)]
    number = np.bincount(found.labels.ravel(), minlength=len(model.classes))
    shares = dict(zip(model.classes, (number / number.sum()).tolist(), strict=True))
    return [dict(image_id=name, pixels=shares)]


def summary(found: Result, model: Model, score_thr: float) -> str:
    """A result in a line."""
    if isinstance(found, Instances):
        labels = found.labels[found.scores >= score_thr].tolist()
        counts = {name: labels.count(label) for label, name in enumerate(model.classes)}
        said = ', '.join(f'{number} {name}' for name, number in counts.items() if number)
        return said or f'nothing of a score of at least {score_thr}'
    if isinstance(found, Classification):
        return f'{model.classes[found.label]} {found.scores[found.label]:.3f}'
    (row,) = as_json(found, model, '')
    return ', '.join(f'{name} {share:.1%}' for name, share in row['pixels'].items() if share)


def main(arguments: list[str] | None = None) -> None:
    """Predict, print, draw."""
    args = parse_args(arguments)
    pictures = pictures_of(args.picture)
    model = Model(args.folder, args.form, args.threads, args.engine)
    rows: list[Any] = []
    for path in pictures:
        picture = read_picture(path)
        found = model(picture)
        print(f'{path.name}: {summary(found, model, args.score_thr)}')
        rows += as_json(found, model, path.name)
        if args.out:
            several = args.picture.is_dir()
            out = args.out / f'{path.stem}.png' if several else args.out
            out.parent.mkdir(parents=True, exist_ok=True)
            draw(picture, found, model.folder.settings, args.score_thr).save(out)
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(rows) + '\n', encoding='utf-8')


if __name__ == '__main__':
    try:
        main()
    except UserError as error:
        sys.exit(f'Error: {error}')
