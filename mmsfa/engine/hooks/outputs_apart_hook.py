"""One file for each picture of a test, whatever the pictures are called."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from mmsfa.data_check.files_of_dataset import infos_of, leaves
from mmsfa.data_check.orientation import Reading, reading_of
from mmsfa.errors import OptionError
from mmsfa.visualization.events import EventVisualizer
from mmsfa.visualization.pictures import displayable, loader_of, read_picture

DRAWS = ('add_datasample', 'visualize_cls')


@HOOKS.register_module()
class OutputsApartHook(Hook):
    """Lets drawn pictures and label maps of a test keep the sub-folders of their pictures.

    mmdet, mmseg and mmpretrain name what they write after the picture alone, so that of
    ``a/0.png`` and ``b/0.png`` one is lost. With this hook the folders below the deepest one that
    all pictures share come before the name, unless all names differ. Besides, predictions are drawn
    over the picture as the model has seen it: with the orientation that ``LoadImageFromFile`` gives
    it, and in three channels. ``tools/test.py`` adds it for ``--show-dir``, ``--show`` and
    ``--out FOLDER``.
    """

    def __init__(self) -> None:
        self._undo: list[tuple[Any, str]] = []

    def before_test(self, runner: Runner) -> None:
        """Stand between hooks and visualizer, and between evaluator and metrics.

        Raises:
            OptionError: Two label maps would have one name.
        """
        pictures, load = _pictures_of(runner.test_loop.dataloader.dataset)
        root = _root_of(pictures, os.path.basename)
        visualizer = runner.visualizer
        for name in DRAWS:
            if hasattr(visualizer, name):
                self._replace(visualizer, name, _drawn_apart(visualizer, name, root, load))
        for metric in runner.test_loop.evaluator.metrics:
            if getattr(metric, 'output_dir', None):
                _refuse_equal_stems(pictures, metric.output_dir)
                self._replace(metric, 'process', _written_apart(metric, _root_of(pictures, _stem)))

    def after_test(self, runner: Runner) -> None:
        """Leave both as they were."""
        while self._undo:
            owner, name = self._undo.pop()
            delattr(owner, name)

    def _replace(self, owner: Any, name: str, function: Callable) -> None:
        setattr(owner, name, function)
        self._undo.append((owner, name))


def _pictures_of(dataset: Any) -> tuple[list[str], Any]:
    """(files, the step that reads them if it is not as the visualizers read)."""
    files: dict[str, None] = {}
    load = None
    for leaf, indices in leaves(dataset):
        pipeline = getattr(leaf, 'pipeline', None)
        if reading_of(pipeline) not in (None, Reading()):
            load = loader_of(pipeline)
        paths = (info.get('img_path') for info in infos_of(leaf, indices))
        files.update(dict.fromkeys(path for path in paths if isinstance(path, str)))
    return list(files), load


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]


def _root_of(pictures: Sequence[str], name_of: Callable[[str], str]) -> str:
    """The folder below which pictures are told apart; '' where their names do that."""
    if len(set(map(name_of, pictures))) == len(pictures):
        return ''
    folders = {os.path.dirname(path) for path in pictures if '://' not in path}
    try:
        return os.path.commonpath(map(os.path.abspath, folders)) if folders else ''
    except ValueError:  # on several drives
        return ''


def folder_below(path: str, root: str) -> str:
    """The folders between a root and a picture; '' for a picture that is not below it."""
    folder = os.path.dirname(os.path.abspath(path))
    inside = os.path.relpath(folder, root) if root and '://' not in path else '.'
    return '' if inside == '.' or inside.startswith('..') else inside


def _drawn_apart(visualizer: Any, name: str, root: str, load: Any) -> Callable:
    draw = getattr(visualizer, name)

    def drawn(*args: Any, **kwargs: Any) -> Any:
        sample = kwargs.get('data_sample')
        path = sample.get('img_path') if sample is not None else None
        if path and kwargs.get('out_file'):
            folder, file = os.path.split(kwargs['out_file'])
            kwargs['out_file'] = os.path.join(folder, folder_below(path, root), file)
        if name == 'add_datasample' and len(args) > 1 and path and load is not None:
            args = (args[0], read_picture(path, load), *args[2:])
        image = kwargs.get('image')
        if isinstance(visualizer, EventVisualizer):  # it draws many channels itself
            image = None
        if isinstance(image, np.ndarray) and image.shape[-1] > 3:
            kwargs['image'] = displayable(image)
        return draw(*args, **kwargs)

    return drawn


def _written_apart(metric: Any, root: str) -> Callable:
    process, out = metric.process, metric.output_dir

    def processed(data_batch: Any, data_samples: Iterable[dict]) -> None:
        for sample in data_samples:
            metric.output_dir = os.path.join(out, folder_below(sample.get('img_path', ''), root))
            os.makedirs(metric.output_dir, exist_ok=True)
            process(data_batch, [sample])
        metric.output_dir = out

    return processed


def _refuse_equal_stems(pictures: Iterable[str], out: str) -> None:
    """The label maps of a.jpg and a.png in one folder are both a.png."""
    stems: dict[str, str] = {}
    for path in pictures:
        other = stems.setdefault(os.path.splitext(path)[0], path)
        if other != path:
            raise OptionError(
                f'--out {out} would write the label maps of {other} and {path} to one file: rename '
                'one of the pictures, or give a .pkl file.'
            )
