"""From picture files to what a model's ``test_step`` takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import mmcv
import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import TRANSFORMS
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from mmsfa.config.scopes import class_of
from mmsfa.config.walk import with_pipeline
from mmsfa.datasets.suffixes import PICTURES
from mmsfa.errors import OptionError, UserError

SOURCE = 'Source'  # a text of PNG files


def picture_files(path: Path) -> list[Path]:
    """The picture, or all pictures below a folder.

    Raises:
        OptionError: There is none.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise OptionError(f'Expected a picture or a folder of pictures, but {path} does not exist.')
    files = sorted(f for f in path.rglob('*') if f.suffix.lower() in PICTURES and f.is_file())
    if not files:
        raise OptionError(
            f'Expected pictures ({", ".join(PICTURES)}) in the folder {path}, found none.'
        )
    return files


def output_files(files: list[Path], source: Path, out: Path) -> list[Path]:
    """A PNG for each picture, in the same sub-folders; no two pictures share one.

    Raises:
        OptionError: A PNG would overwrite one of the pictures.
    """
    root = source if source.is_dir() else source.parent
    names = [out / file.relative_to(root) for file in files]
    plain = [name.with_suffix('.png') for name in names]
    targets = [
        short if plain.count(short) == 1 else name.with_name(f'{name.name}.png')
        for name, short in zip(names, plain, strict=True)
    ]
    sources = set(map(_identity, files))
    for target in targets:
        if target.exists() and _identity(target) in sources:
            raise OptionError(
                f'--out {out} would overwrite the picture {target}: give another folder.'
            )
    return targets


def free_target(target: Path, source: Path) -> Path:
    """A file for what is made of a picture, which overwrites nothing made of another one.

    Args:
        target: The file that it would have alone.
        source: The picture. A PNG that was written with ``metadata=made_of(source)`` may be
            written anew.

    Returns:
        The target, or one with a number behind its name.
    """
    number, free = 1, target
    while free.exists() and _source_of(free) != made_of(source)[SOURCE]:
        number += 1
        free = target.with_name(f'{target.stem}-{number}{target.suffix}')
    return free


def made_of(source: Path) -> dict[str, str]:
    """What a PNG says about the picture that it was made of."""
    return {SOURCE: str(source.resolve()).encode('latin-1', 'replace').decode('latin-1')}


def _source_of(path: Path) -> str | None:
    try:
        with Image.open(path) as image:
            return image.info.get(SOURCE)
    except (OSError, UnidentifiedImageError):
        return None


def _identity(path: Path) -> tuple[int, int]:
    """The same for all names of one file: links, or A.PNG and a.png where case does not count."""
    found = path.stat()
    return found.st_dev, found.st_ino


def read_picture(path: Path, load: LoadImageFromFile | None = None) -> np.ndarray:
    """A picture to be shown, shape (H, W, 3), uint8, RGB.

    Args:
        path: A file.
        load: The step that reads it for the model, so that what is drawn over it lies in place
            however that step heeds the orientation tag; by default as mmcv reads a picture.

    Raises:
        UserError: It is no picture.
    """
    try:
        picture = mmcv.imread(str(path)) if load is None else load(dict(img_path=str(path)))['img']
    except (OSError, ValueError) as error:
        raise UserError(f'{path} cannot be read as a picture: {error}') from None
    except (cv2.error, AssertionError, TypeError):  # an empty file; no picture; ignore_empty
        picture = None
    if picture is None:
        raise UserError(f'{path} cannot be read as a picture: it is empty or broken.')
    return mmcv.bgr2rgb(displayable(picture))


def displayable(picture: np.ndarray) -> np.ndarray:
    """A picture of any number type and any number of channels as one that can be shown.

    Args:
        picture: Shape (H, W) or (H, W, C). Of more than three channels the first three are shown;
            values above 255 are scaled down.

    Returns:
        Shape (H, W, 3), uint8.
    """
    picture = picture.reshape(*picture.shape[:2], -1)[..., :3]
    if picture.shape[-1] == 1:
        picture = picture.repeat(3, -1)
    elif picture.shape[-1] == 2:
        picture = np.pad(picture, ((0, 0), (0, 0), (0, 1)))
    if picture.dtype != np.uint8:
        largest = float(picture.max(initial=0))
        scale = 255 / largest if largest > 255 else 1
        picture = np.clip(picture * scale, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(picture)


def network_picture(inputs: Tensor, rgb: bool = False) -> np.ndarray:
    """What the pipeline gives to the network, shape (H, W, 3), uint8, RGB.

    Args:
        inputs: Shape (C, H, W), 0..255.
        rgb: Whether it is RGB; pipelines that read files keep BGR.
    """
    picture = displayable(inputs.clamp(0, 255).permute(1, 2, 0).cpu().numpy())
    return picture if rgb else mmcv.bgr2rgb(picture)


class InferencePipeline:
    """The config's own test pipeline without annotations, for a single picture.

    The pipeline of a data set that holds its pictures in memory, such as CIFAR10, begins with the
    picture in RGB; here a file is read first.

    Args:
        cfg: The whole config; its default scope is set.

    Attributes:
        rgb: Whether the pipeline gives RGB, as one of pictures in memory does.
        load: The step that reads a picture; None if it is none of mmcv.

    Raises:
        OptionError: The config has no test pipeline.
    """

    def __init__(self, cfg: Config) -> None:
        dataset = with_pipeline((cfg.get('test_dataloader') or {}).get('dataset') or {})
        steps = dataset.get('pipeline') or cfg.get('test_pipeline')
        if not steps:
            raise OptionError(
                'The config must have test_dataloader.dataset.pipeline or test_pipeline: '
                'it says how a picture is prepared.'
            )
        self.rgb = not any(_loads_picture(step) for step in steps)
        read = [LoadImageFromFile(), _to_rgb] if self.rgb else []
        self._run = Compose(read + [step for step in steps if not _loads_annotations(step)])
        self.load = loader_of(self._run)

    def __call__(self, path: Path) -> dict[str, Any]:
        """A batch of one.

        Raises:
            UserError: OpenCV cannot change the picture as a step asks, for instance to a width
                below one pixel.
        """
        try:
            return pseudo_collate([self._run(dict(img_path=str(path), img_id=0))])
        except cv2.error as error:
            height, width = read_picture(path, self.load).shape[:2]
            raise UserError(
                f'{path} has {width} x {height} pixels, which the pipeline of the config cannot '
                f'bring into the shape that the model sees ({error.err or error} in {error.func}).'
            ) from error


def loader_of(pipeline: Any) -> LoadImageFromFile | None:
    """The step of a pipeline that reads the picture, if it is mmcv's."""
    steps = getattr(pipeline, 'transforms', None) or ()
    return next((step for step in steps if isinstance(step, LoadImageFromFile)), None)


def _to_rgb(results: dict[str, Any]) -> dict[str, Any]:
    return dict(results, img=mmcv.bgr2rgb(results['img']))


def _name(step: dict) -> str:
    kind = class_of(step, TRANSFORMS)
    return step['type'] if kind is None else kind.__name__


def _loads_picture(step: dict) -> bool:
    return _name(step).startswith('Load') and not _loads_annotations(step)


def _loads_annotations(step: dict) -> bool:
    return _name(step).startswith('Load') and _name(step).endswith('Annotations')
