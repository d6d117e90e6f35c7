"""Find the faults of a data set before the first batch."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor

from mmsfa.data_check import loop_checks
from mmsfa.data_check.check_classes import class_faults, refuse
from mmsfa.data_check.fault import DataFaultError, Fault, list_faults
from mmsfa.data_check.loop_checks import SPLITS

FILE = 'data_faults.txt'
DROPPED = 'The annotations of {} have faults; the library drops or ignores such entries.'
MISREAD = (
    'Boxes, masks or label maps of {} lie in wrong places, because the picture is read in another '
    'way than it was annotated.'
)
UNCLEAR = (
    'It cannot be told whether boxes, masks or label maps of {} were made as the picture is read: '
    'look at some (tools/analysis_tools/browse_dataset.py, docs/datasets.md).'
)


@HOOKS.register_module()
class DataCheckHook(Hook):
    """Refuses sets with damaged files, classes or ids; names annotations that get lost.

    Refused before anything runs:

    - validation and test sets with a missing or damaged file, which would end the run in the
      middle (pictures of the training set are replaced by ``ResumableDataLoader`` as it meets bad
      ones), and sets without a sample;
    - label maps whose numbers the decoder would not give as they are (colours, 16 bits, ...): any
      of a validation or test set, and a training set of which each of 200 is so;
    - classes that an annotation file does not have, and ids by which annotations get lost or mixed
      up. What a metric would read wrongly and what can be mended is mended in memory.

    Named in a warning: annotations that mmdet drops or ignores (boxes outside of the picture, empty
    polygons, ...), pictures whose orientation tag (EXIF) makes the loader turn them under their
    boxes and label maps, classes without a box or picture, palettes that contradict, and batches
    whose pictures are padded. All faults stand in ``data_faults.txt`` in the folder of the run.

    Args:
        check_files: Look at both ends of every file of the validation and test sets, and at the
            headers of label maps.
        check_train_annotations: Read the training set's annotation file and name its faults.
        check_eval_annotations: The same for the validation and test sets.
        num_shown: Faults in the console and in the error; the file has all of them.
        check_classes: Compare the classes with the annotation files and the model, and name those
            that no annotation has.
        check_orientation: Read the orientation tags of all sets, of at most 20,000 pictures each.
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
        check_orientation: bool = True,
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
        self.check_orientation = check_orientation
        self._done: set[str] = set()
        self._padded: set[str] = set()

    def before_train(self, runner: Runner) -> None:
        """Check both sets: a validation set with faults must not stop the run after an epoch."""
        self._check(runner, 'train', runner.train_loop)
        if runner.val_loop is not None:
            self._check(runner, 'val', runner.val_loop)

    def before_val(self, runner: Runner) -> None:
        """Check, unless the training has done it."""
        self._check(runner, 'val', runner.val_loop)

    def before_test(self, runner: Runner) -> None:
        """Check."""
        self._check(runner, 'test', runner.test_loop)

    def before_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Say once that a batch will be padded."""
        self._warn_of_padding('val', data_batch)

    def before_test_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Say once that a batch will be padded."""
        self._warn_of_padding('test', data_batch)

    def _check(self, runner: Runner, split: str, loop: Any) -> None:
        """Process 0 looks; all of them refuse, or none."""
        if split in self._done:
            return
        self._done.add(split)
        loop_checks.refuse_empty(split, loop)
        if self.check_classes:
            self._compare_classes(runner, split)
        if self.check_train_annotations if split == 'train' else self.check_eval_annotations:
            self._check_annotations(runner, split, loop)
        if self.check_orientation:
            look = partial(loop_checks.orientation_faults, loop)
            wrong, unclear = _on_process_0(look) or ([], [])
            self._warn(runner, split, wrong, MISREAD)
            self._warn(runner, split, unclear, UNCLEAR)
        if self.check_classes:
            for sentence in _on_process_0(partial(loop_checks.class_warnings, split, loop)) or ():
                print_log(sentence, logger='current', level=logging.WARNING)
        if split != 'train':
            loop_checks.mend_metrics(loop)
        if self.check_files:
            self._check_files(runner, split, loop)

    def _compare_classes(self, runner: Runner, split: str) -> None:
        if not isinstance(getattr(runner, 'cfg', None), Config):
            return
        faults, notes = _on_process_0(partial(class_faults, runner.cfg, (split,))) or ([], [])
        for note in notes:
            print_log(note, logger='current')
        refuse(faults, self.num_shown)

    def _check_annotations(self, runner: Runner, split: str, loop: Any) -> None:
        faults, harmful = _on_process_0(partial(loop_checks.annotation_faults, loop)) or ([], [])
        self._warn(runner, split, faults, DROPPED)
        if harmful:
            option = 'train' if split == 'train' else 'eval'
            raise DataFaultError(
                f'Ids or boxes in the annotations of the {SPLITS[split]} set are taken for others, '
                'so that boxes would get lost or mixed up and nothing was run (to go on '
                f'nevertheless, set check_{option}_annotations=False of the DataCheckHook):\n'
                f'{list_faults(harmful, self.num_shown)}'
            )

    def _check_files(self, runner: Runner, split: str, loop: Any) -> None:
        if split == 'train':
            look = partial(loop_checks.faults_if_all_are_wrong, loop)
            what = 'No label map that was looked at in the training set can be read as one'
        else:
            look, what = partial(loop_checks.file_faults, loop), '{} of the {} set cannot be read'
        if not (faults := _on_process_0(look)):
            return
        _write(runner, split, faults)
        raise DataFaultError(
            f'{what.format(_count(len(faults), "file"), SPLITS[split])}, so nothing was run '
            '(to go on with such files, set check_files=False of the DataCheckHook; '
            '`mmsfa check-data`, tools/misc/verify_dataset.py in a clone, checks all sets):\n'
            f'{list_faults(faults, self.num_shown)}'
        )

    def _warn(self, runner: Runner, split: str, faults: list[Fault], what: str) -> None:
        if not faults:
            return
        path = _write(runner, split, faults)
        pictures = _count(len(faults), f'{SPLITS[split]} picture')
        print_log(
            f'{what.format(pictures)} All are listed in {path}.\n'
            f'{list_faults(faults, self.num_shown)}',
            logger='current',
            level=logging.WARNING,
        )

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


def _count(number: int, thing: str) -> str:
    return f'{number:,} {thing}{"" if number == 1 else "s"}'


def _on_process_0(find: Callable[[], Any]) -> Any:
    """What process 0 finds, in every process.

    A data set that this cannot handle must not stop a run that would work.
    """
    shared: list[Any] = [None]
    if is_main_process():
        try:
            shared = [find()]
        except Exception as error:
            print_log(
                f'A data set could not be checked for faults ({type(error).__name__}: {error}).',
                logger='current',
                level=logging.WARNING,
            )
    broadcast_object_list(shared)
    return shared[0]


def _write(runner: Runner, split: str, faults: list[Fault]) -> Path:
    path = Path(runner.log_dir, FILE)
    if is_main_process():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open('a', encoding='utf-8', errors='backslashreplace') as file:
            file.writelines(f'{SPLITS[split]}\t{fault.path}\t{fault.what}\n' for fault in faults)
    return path
