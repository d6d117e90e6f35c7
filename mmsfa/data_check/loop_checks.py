"""What is wrong with the data sets and metrics of one loop of a Runner."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from typing import Any

from mmengine.logging import print_log

from .absent_classes import absent_classes
from .coco_files import KEYS, check_coco
from .coco_ids import harmful_ids
from .fault import DataFaultError, Fault
from .files_of_dataset import coco_file_of, files_in, is_local, leaves
from .ground_truth import mend_ground_truth
from .label_maps import SAMPLE, format_faults, palette_warnings
from .many_files import check_files
from .missing_classes import SPLITS, sentence_on_labels
from .turned_pictures import annotated_pictures, check_orientation

LARGE = 50e6  # bytes of an annotation file that takes seconds


def datasets_of_loop(loop: Any) -> Iterator[Any]:
    """The data set of a loop's loader; loops of one's own may have several loaders."""
    for loader in getattr(loop, 'dataloaders', None) or [getattr(loop, 'dataloader', None)]:
        if hasattr(loader, 'dataset'):
            yield loader.dataset


def refuse_empty(split: str, loop: Any) -> None:
    """Stop where a data set has no sample.

    Args:
        split: ``'train'``, ``'val'`` or ``'test'``.
        loop: Of a Runner.

    Raises:
        DataFaultError: One has none.
    """
    for dataset in datasets_of_loop(loop):
        if hasattr(dataset, '__len__') and len(dataset) == 0:
            raise DataFaultError(
                f'The {SPLITS[split]} set has no sample: expected at least one, so check ann_file, '
                f'data_prefix, the suffixes of the files and filter_cfg of {split}_dataloader'
                '.dataset.'
            )


def class_warnings(split: str, loop: Any) -> list[str]:
    """Sentences on classes without a box or picture, and on palettes that contradict each other."""
    sentences = []
    for dataset in datasets_of_loop(loop):
        if (sentence := sentence_on_labels(split, dataset)) is not None:
            sentences.append(sentence)
        if (sentence := absent_classes(split, dataset)) is not None:
            sentences.append(sentence)
        sentences += palette_warnings(dataset)
    return sentences


def file_faults(loop: Any) -> list[Fault]:
    """Files that are missing or damaged, and label maps whose numbers the decoder changes."""
    files: dict[str, None] = {}
    faults: list[Fault] = []
    for dataset in datasets_of_loop(loop):
        files.update(dict.fromkeys(files_in(dataset)))
        faults += format_faults(dataset)[0]
    return check_files(list(files)) + faults


def faults_if_all_are_wrong(loop: Any) -> list[Fault]:
    """The faults of a training set's label maps if it has no right one; else they are met later."""
    found = [format_faults(dataset, SAMPLE) for dataset in datasets_of_loop(loop)]
    faults = [fault for own, _ in found for fault in own]
    return faults if len(faults) == sum(number for _, number in found) else []


def annotation_faults(loop: Any) -> tuple[list[Fault], list[Fault]]:
    """Faults of annotation files in the form of COCO, and those with which nothing should run."""
    found = [
        coco_file_of(leaf)
        for dataset in datasets_of_loop(loop)
        for leaf, _ in leaves(dataset)
        if is_local(leaf)
    ]
    faults, harmful = [], []
    for path, folder in dict.fromkeys(filter(None, found)):
        if (size := os.path.getsize(path)) > LARGE:
            print_log(
                f'Looking for faults in {path} ({size / 1e6:.0f} MB), which takes about as long as '
                'it took to load (check_train_annotations=False and check_eval_annotations=False '
                'of the DataCheckHook leave it out).',
                logger='current',
            )
        own, worst = check_coco(path, folder)
        faults += own
        harmful += worst
    # A metric may have a file of its own.
    for metric, coco in () if harmful else _ground_truths(loop):
        lists = {key: coco.dataset.get(key) or [] for key in KEYS}
        harmful += [Fault(f'the ann_file of {metric}', what) for what, _ in harmful_ids(lists)]
    return faults, harmful


def orientation_faults(loop: Any) -> tuple[list[Fault], list[Fault]]:
    """Pictures that are read in another way than annotated, and those where nobody can tell."""
    own = [leaf for dataset in datasets_of_loop(loop) for leaf, _ in leaves(dataset)]
    return check_orientation([one for leaf in own for one in annotated_pictures(leaf)])


def mend_metrics(loop: Any) -> None:
    """Renumber what pycocotools would read wrongly, in memory, with a warning."""
    for metric, coco in _ground_truths(loop):
        for what in mend_ground_truth(coco):
            print_log(
                f'The ground truth of {metric}: {what}.', logger='current', level=logging.WARNING
            )


def _ground_truths(loop: Any) -> Iterator[tuple[str, Any]]:
    """(name, pycocotools' COCO) of each metric that has read an annotation file."""
    for metric in getattr(getattr(loop, 'evaluator', None), 'metrics', ()):
        coco = getattr(metric, '_coco_api', None)
        if isinstance(getattr(coco, 'dataset', None), dict) and hasattr(coco, 'createIndex'):
            yield type(metric).__name__, coco
