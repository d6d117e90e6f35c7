"""Find the faults of a data set before the first batch."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor

from mmsfa.data_check.coco_files import check_coco_file
from mmsfa.data_check.fault import DataFaultError, Fault, list_faults
from mmsfa.data_check.files_of_dataset import coco_file_of, files_in, is_local, leaves
from mmsfa.data_check.label_maps import SAMPLE, format_faults, palette_warnings
from mmsfa.data_check.many_files import check_files
from mmsfa.data_check.missing_classes import classes_without_labels, name_some

Found = TypeVar('Found')

FILE = 'data_faults.txt'
LARGE = 50e6  # bytes of an annotation file that takes seconds


@HOOKS.register_module()
class DataCheckHook(Hook):
    """Refuses validation and test sets with damaged files; names annotations that get lost.

    A missing or damaged picture would end a validation or test in the middle, after hours. Pictures
    of the training set are not looked at here: ``ResumableDataLoader`` replaces bad ones as it
    meets them. Annotation faults (boxes outside of the picture, empty polygons, ...) are dropped or
    ignored by mmdet in silence; they are named in one warning and never refused. Everything found
    stands in ``data_faults.txt`` in the folder of the run.

    Label maps whose numbers the decoder would not give as they are (colours, 16 bits, ...) are
    refused by their headers: any of a validation or test set, and a training set of which each of
    200 is so. A set without a sample is refused. Classes without a box or picture, and palettes
    that contradict, are named in a line each.

    Args:
        check_files: Look at both ends of every file of the validation and test sets, and at the
            headers of label maps.
        check_classes: Name the classes that no annotation has.
        check_train_annotations: Read the training set's annotation file and name its faults.
        check_eval_annotations: The same for the validation and test sets.
        num_shown: Faults in the console and in the error; the file has all of them.
        num_threads: Without effect; older configs may name it.
    """

    priority = 'HIGH'

    def __init__(
        self,
        check_files: bool = True,
        check_train_annotations: bool = True,
        check_eval_annotations: bool = True,
        num_shown: int = 20,
        check_classes: bool = True,
        num_threads: int | None = None,
    ) -> None:
        if num_threads is not None:
            warnings.warn(
                'num_threads of DataCheckHook has no effect any more: it is chosen by itself.',
                DeprecationWarning,
                stacklevel=2,
            )
        self.check_files = check_files
        self.check_train_annotations = check_train_annotations
        self.check_eval_annotations = check_eval_annotations
        self.num_shown = num_shown
        self.check_classes = check_classes
        self._done: set[str] = set()
        self._padded: set[str] = set()

    def before_train(self, runner: Runner) -> None:
        """Check both sets: a validation set with faults must not stop the run after an epoch."""
        _refuse_empty('training', runner.train_loop)
        if self.check_train_annotations and is_main_process():
            self._warn(runner, 'training', _safely(_annotation_faults, runner.train_loop))
        self._say_classes('training', runner.train_loop)
        if self.check_files:
            faults = _safely(_all_are_wrong, runner.train_loop) if is_main_process() else []
            self._refuse(
                runner,
                'training',
                faults,
                'No label map that was looked at in the training set can be read as one',
            )
        if runner.val_loop is not None:
            self._check(runner, 'validation', runner.val_loop)

    def before_val(self, runner: Runner) -> None:
        """Check, unless the training has done it."""
        self._check(runner, 'validation', runner.val_loop)

    def before_test(self, runner: Runner) -> None:
        """Check."""
        self._check(runner, 'test', runner.test_loop)

    def before_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Say once that a batch will be padded."""
        self._warn_of_padding('val', data_batch)

    def before_test_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Say once that a batch will be padded."""
        self._warn_of_padding('test', data_batch)

    def _warn_of_padding(self, split: str, batch: Any) -> None:
        pictures = batch.get('inputs') if isinstance(batch, dict) else None
        if split in self._padded or not isinstance(pictures, (list, tuple)):
            return
        sizes = {tuple(picture.shape[-2:]) for picture in pictures if isinstance(picture, Tensor)}
        if len(sizes) > 1:
            self._padded.add(split)
            print_log(
                f'A batch holds pictures of {len(sizes)} sizes. They are padded to one, and the '
                'padding changes their predictions a little. Those of single pictures come from '
                f'{split}_dataloader.batch_size=1, or from a larger batch with '
                f"{split}_dataloader.batch_sampler=dict(type='SameSizeBatchSampler').",
                logger='current',
                level=logging.WARNING,
            )

    def _check(self, runner: Runner, split: str, loop: Any) -> None:
        """Process 0 looks; all of them refuse, or none."""
        if split in self._done:
            return
        self._done.add(split)
        _refuse_empty(split, loop)
        if self.check_eval_annotations and is_main_process():
            self._warn(runner, split, _safely(_annotation_faults, loop))
        self._say_classes(split, loop)
        if self.check_files:
            faults = _safely(_file_faults, loop) if is_main_process() else []
            self._refuse(
                runner,
                split,
                faults,
                f'{_count(len(faults), "file")} of the {split} set cannot be read',
            )

    def _refuse(self, runner: Runner, split: str, faults: list[Fault], what: str) -> None:
        """Stop all processes if the first one has found faults."""
        shared: list[Any] = [faults, what]
        broadcast_object_list(shared)
        faults, what = shared
        if not faults:
            return
        if is_main_process():
            _write(runner, split, faults)
        raise DataFaultError(
            f'{what}, so nothing was run '
            '(to go on with such files, set check_files=False of the DataCheckHook; '
            '`mmsfa check-data`, tools/misc/verify_dataset.py in a clone, checks all sets):\n'
            f'{list_faults(faults, self.num_shown)}'
        )

    def _say_classes(self, split: str, loop: Any) -> None:
        if self.check_classes and is_main_process():
            for sentence in _safely(lambda loop: _class_warnings(split, loop), loop):
                print_log(sentence, logger='current', level=logging.WARNING)

    def _warn(self, runner: Runner, split: str, faults: list[Fault]) -> None:
        if not faults:
            return
        path = _write(runner, split, faults)
        print_log(
            f'The annotations of {_count(len(faults), f"{split} picture")} have faults; the '
            f'library drops or ignores such entries. All are listed in {path}.\n'
            f'{list_faults(faults, self.num_shown)}',
            logger='current',
            level=logging.WARNING,
        )


def _count(number: int, thing: str) -> str:
    return f'{number:,} {thing}{"" if number == 1 else "s"}'


def _datasets(loop: Any) -> Iterator[Any]:
    """The data set of a loop's loader; loops of one's own may have several loaders."""
    for loader in getattr(loop, 'dataloaders', None) or [getattr(loop, 'dataloader', None)]:
        if hasattr(loader, 'dataset'):
            yield loader.dataset


def _refuse_empty(split: str, loop: Any) -> None:
    for dataset in _datasets(loop):
        if hasattr(dataset, '__len__') and len(dataset) == 0:
            raise DataFaultError(
                f'The {split} set has no sample: expected at least one, so check ann_file, '
                f'data_prefix, the suffixes of the files and filter_cfg of {_loader_key(split)}'
                '.dataset.'
            )


def _loader_key(split: str) -> str:
    return dict(training='train', validation='val').get(split, split) + '_dataloader'


def _class_warnings(split: str, loop: Any) -> list[str]:
    sentences = []
    for dataset in _datasets(loop):
        names, number = classes_without_labels(dataset)
        effect = 'nothing can learn them' if split == 'training' else 'no metric measures them'
        if names:
            sentences.append(
                f'The {split} set has no annotation of {len(names)} of {number} classes '
                f'({name_some(names)}), so {effect}.'
            )
        sentences += palette_warnings(dataset)
    return sentences


def _file_faults(loop: Any) -> list[Fault]:
    files: dict[str, None] = {}
    faults: list[Fault] = []
    for dataset in _datasets(loop):
        files.update(dict.fromkeys(files_in(dataset)))
        faults += format_faults(dataset)[0]
    return check_files(list(files)) + faults


def _all_are_wrong(loop: Any) -> list[Fault]:
    """The faults of a training set's label maps if it has no right one; else they are met later."""
    found = [format_faults(dataset, SAMPLE) for dataset in _datasets(loop)]
    faults = [fault for own, _ in found for fault in own]
    return faults if len(faults) == sum(number for _, number in found) else []


def _annotation_faults(loop: Any) -> list[Fault]:
    found = [
        coco_file_of(leaf)
        for dataset in _datasets(loop)
        for leaf, _ in leaves(dataset)
        if is_local(leaf)
    ]
    faults = []
    for path, folder in dict.fromkeys(filter(None, found)):
        if (size := os.path.getsize(path)) > LARGE:
            print_log(
                f'Looking for faults in {path} ({size / 1e6:.0f} MB), which takes about as long as '
                'it took to load (check_train_annotations=False and check_eval_annotations=False '
                'of the DataCheckHook leave it out).',
                logger='current',
            )
        faults += check_coco_file(path, folder)
    return faults


def _safely(find: Callable[[Any], list[Found]], loop: Any) -> list[Found]:
    """Find faults; a data set that this cannot handle must not stop a run that would work."""
    try:
        return find(loop)
    except Exception as error:
        print_log(
            f'A data set could not be checked for faults ({type(error).__name__}: {error}).',
            logger='current',
            level=logging.WARNING,
        )
        return []


def _write(runner: Runner, split: str, faults: list[Fault]) -> Path:
    path = Path(runner.log_dir, FILE)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('a', encoding='utf-8', errors='backslashreplace') as file:
        file.writelines(f'{split}\t{fault.path}\t{fault.what}\n' for fault in faults)
    return path
