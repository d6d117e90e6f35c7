"""Write **Shapes** once, as COCO instances and as ADE20K label maps over the same pictures.

* ``images/{training,validation}/000000.png``: RGB
* ``annotations/{training,validation}/000000.png``: label maps, 0 = unlabeled, 1.. = ``CLASSES``
* ``annotations/instances_{train,val}.json``: COCO, compressed RLE, category ids 1..3
* ``shapes.json``: the parameters
"""

import json
import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .shapes import CLASSES, THINGS, Instance, draw_shapes

VERSION = 2  # raise it whenever a seed gives other pictures
PARAMETERS_FILE = 'shapes.json'
CONTENT = ('images', 'annotations', PARAMETERS_FILE)
SPLITS = (('train', 'training'), ('val', 'validation'))  # as COCO and as ADE20K call them


def write_shapes(
    out_dir: str | os.PathLike,
    num_train: int = 320,
    num_val: int = 64,
    seed: int = 0,
    overwrite: bool = False,
    progress: Callable[[], None] | None = None,
) -> bool:
    """Write the data set, unless the same one is there already.

    Picture ``index`` of a split depends on (seed, split, index) alone, not on how many there are.
    The folder appears when it is complete: an interrupted write leaves nothing in its place.

    Args:
        out_dir: Folder to make.
        num_train: Number of training pictures, at least 1.
        num_val: Number of validation pictures, at least 1.
        seed: Any integer from 0.
        overwrite: Replace a Shapes data set of other parameters. Other folders are never replaced.
        progress: Called after each picture.

    Returns:
        True if it was written, False if the same data set was there.

    Raises:
        ValueError: If a number is out of range, or ``out_dir`` holds something else.
    """
    numbers = (('num_train', num_train, 1), ('num_val', num_val, 1), ('seed', seed, 0))
    for name, number, least in numbers:
        if not isinstance(number, int) or number < least:
            raise ValueError(f'{name} must be an integer of at least {least}, got {number}')
    wanted = {
        'version': VERSION,
        'num_train': num_train,
        'num_val': num_val,
        'seed': seed,
        'classes': list(CLASSES),
    }
    # A link is followed, so that its target is what gets replaced.
    out = Path(out_dir).expanduser().resolve()
    if _is_same(out, wanted, overwrite):
        return False
    out.parent.mkdir(parents=True, exist_ok=True)
    scratch = out.with_name(f'.{out.name}.{uuid.uuid4().hex[:8]}')
    try:
        for split_id, (split, folder) in enumerate(SPLITS):
            count = num_train if split == 'train' else num_val
            _write_split(scratch, split_id, split, folder, count, seed, progress)
        _dump(wanted, scratch / PARAMETERS_FILE)
        if _is_same(out, wanted, overwrite):  # another process was faster
            return False
        _replace(scratch, out)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return True


def _is_same(out: Path, wanted: dict[str, Any], overwrite: bool) -> bool:
    """Whether ``out`` holds the wanted data set; False also if it is free to be written.

    Raises:
        ValueError: If it holds something that must not be replaced.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    try:
        found = dict(json.loads((out / PARAMETERS_FILE).read_text()))
        others = sorted({path.name for path in out.iterdir()} - set(CONTENT))
    except (OSError, ValueError, TypeError):
        raise ValueError(
            f'expected {out} to be missing, empty or a Shapes data set, but it is something else '
            f'(no readable {PARAMETERS_FILE}): choose another folder'
        ) from None
    if found == wanted:
        return True
    if not overwrite:
        differs = [
            f'{key}={found.get(key)} instead of {value}'
            for key, value in wanted.items()
            if found.get(key) != value
        ]
        raise ValueError(
            f'{out} holds Shapes with other parameters ({", ".join(differs)}): choose another '
            'folder, or replace it with --overwrite (overwrite=True)'
        )
    if others:
        raise ValueError(
            f'{out} cannot be replaced, because it also holds {", ".join(others)}: move these away '
            'or choose another folder'
        )
    return False


def _replace(scratch: Path, out: Path) -> None:
    """Rename ``scratch`` to ``out``; what was there goes, or comes back if the rename fails."""
    old = scratch.with_name(scratch.name + '.old')
    if out.exists():
        out.rename(old)
    try:
        scratch.rename(out)
    except BaseException:
        if old.exists():
            old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _write_split(
    root: Path,
    split_id: int,
    split: str,
    folder: str,
    count: int,
    seed: int,
    progress: Callable[[], None] | None,
) -> None:
    for kind in ('images', 'annotations'):
        (root / kind / folder).mkdir(parents=True)
    images: list[dict] = []
    annotations: list[dict] = []
    for index in range(count):
        name = f'{index:06d}.png'
        image, instances, label_map = draw_shapes(np.random.default_rng([seed, split_id, index]))
        _write_png(root / 'images' / folder / name, image[..., ::-1])  # OpenCV wants BGR
        _write_png(root / 'annotations' / folder / name, label_map)
        height, width = label_map.shape
        images.append({'id': index, 'file_name': name, 'height': height, 'width': width})
        for instance in instances:
            number = {'id': len(annotations) + 1, 'image_id': index}
            annotations.append(number | _to_coco(instance))
        if progress is not None:
            progress()
    categories = [
        {'id': 1 + label, 'name': name, 'supercategory': 'shape'}
        for label, name in enumerate(THINGS)
    ]
    coco = {
        'info': {'description': 'Shapes', 'version': str(VERSION)},
        'images': images,
        'annotations': annotations,
        'categories': categories,
    }
    _dump(coco, root / 'annotations' / f'instances_{split}.json')


def _to_coco(instance: Instance) -> dict[str, Any]:
    """The COCO fields of one instance; box as x, y, width, height in pixels."""
    from pycocotools import mask as coco_mask

    rle = coco_mask.encode(np.asfortranarray(instance.mask, dtype=np.uint8))
    return {
        'category_id': 1 + instance.label,
        'segmentation': {'size': list(rle['size']), 'counts': rle['counts'].decode()},
        'bbox': coco_mask.toBbox(rle).tolist(),
        'area': int(instance.mask.sum()),
        'iscrowd': 0,
    }


def _write_png(path: Path, pixels: np.ndarray) -> None:
    """Write through Python: when a disk is full, ``cv2.imwrite`` does no more than return False."""
    path.write_bytes(cv2.imencode('.png', pixels)[1].tobytes())


def _dump(content: dict, path: Path) -> None:
    path.write_text(json.dumps(content))
