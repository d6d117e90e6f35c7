"""An exported model: a picture in, its result out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .boxes import softmax
from .dense import one_stage, proposals
from .folder import Folder
from .picture import Prepared, prepare, read_picture
from .regions import second_stage
from .results import Classification, Instances, Result, as_coco
from .segmentation import segment


class Model:
    """A detector, segmentor or classifier that ``export_onnx.py --out FOLDER`` has written.

    Args:
        folder: The folder; one that is open brings its own settings.
        form: 'float', 'int8' or 'qdq', see `Folder`.
        threads: Threads of one operator; None leaves it to the engine.
        engine: 'onnxruntime' or 'openvino'.

    Attributes:
        classes: Names of its classes.

    Raises:
        FolderError: The folder is none, is damaged or has no graphs of this form.

    Example:
        >>> model = Model('nuclei')
        >>> found = model('cells.png')
        >>> found.boxes, found.labels, found.masks
        >>> model.coco(found, image_id=7)
    """

    def __init__(
        self,
        folder: str | Path | Folder,
        form: str = 'float',
        threads: int | None = None,
        engine: str = 'onnxruntime',
    ) -> None:
        if not isinstance(folder, Folder):
            folder = Folder(folder, form, threads, engine)
        self.folder = folder
        self.classes: list[str] = self.folder.settings['classes']

    def __call__(self, picture: str | Path | np.ndarray) -> Result:
        """The result for one picture.

        Args:
            picture: A file; or bytes, shape (height, width, 3), red, green, blue.

        Raises:
            PictureError: It is neither.
        """
        settings = self.folder.settings
        prepared = prepare(read_picture(picture), settings['picture'])
        if settings['task'] == 'detection':
            return self._detect(prepared)
        if settings['task'] == 'segmentation':
            return segment(self.folder, prepared)
        return self._classify(prepared)

    def _detect(self, picture: Prepared) -> Instances:
        settings = self.folder.settings
        maps = self.folder.run('dense', image=picture.image)
        if settings['regions'] is None:
            return one_stage(maps, settings['one_stage'], picture)
        regions = proposals(maps, settings['proposals'], picture)
        return second_stage(self.folder, maps, regions, picture)

    def _classify(self, picture: Prepared) -> Classification:
        return Classification(softmax(self.folder.run('dense', image=picture.image)['scores'][0]))

    def coco(self, found: Instances, image_id: int | str | None = None) -> list[dict[str, Any]]:
        """Instances in COCO's format of results, see `as_coco`."""
        return as_coco(found, self.folder.settings, image_id)
