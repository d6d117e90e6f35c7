"""The label maps that a data set reads, and with which decoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mmsfa.model_parts import get

from .fault import Fault
from .file_task import Task
from .files_of_dataset import infos_of, is_local, leaves
from .label_map_format import check_format, compare_palettes
from .many_files import find_faults
from .missing_classes import name_some

SAMPLE = 200  # label maps of a large set that are looked at: one set is mostly of one format


def decoder_of(pipeline: Any) -> str | None:
    """``imdecode_backend`` of mmseg's own ``LoadAnnotations`` in a pipeline.

    Args:
        pipeline: Built, or its settings in a config of mmseg.

    Returns:
        None if there is no such step: a loader of one's own may read colours.
    """
    if isinstance(pipeline, (list, tuple)):
        return next(filter(None, map(decoder_of, pipeline)), None)
    if pipeline is None or isinstance(pipeline, str):
        return None
    if isinstance(pipeline, dict):
        kind = pipeline.get('type', '')
        own = kind if isinstance(kind, str) else f'{kind.__module__}.{kind.__name__}'
        parts: list[Any] = [
            part for part in pipeline.values() if isinstance(part, (list, tuple, dict))
        ]
    else:
        own = f'{type(pipeline).__module__}.{type(pipeline).__name__}'
        parts = [getattr(pipeline, name, None) for name in ('transforms', 'subroutines')]
    room, _, name = own.rpartition('.')
    if name == 'LoadAnnotations' and (not room or room.startswith('mmseg')):
        return str(get(pipeline, 'imdecode_backend') or 'pillow')
    return decoder_of(parts)


def label_maps_of(dataset: Any, limit: int | None = None) -> Iterator[tuple[str, str]]:
    """(label map, its decoder) of the samples of mmseg's data sets inside any wrappers.

    Args:
        dataset: Of any kind.
        limit: So many of each data set at most, evenly spread.
    """
    for leaf, indices in leaves(dataset):
        decoder = decoder_of(getattr(leaf, 'pipeline', None))
        if decoder is None or not is_local(leaf):
            continue
        places = list(range(len(leaf)) if indices is None else indices)
        if limit is not None and len(places) > limit:
            places = [places[i] for i in np.linspace(0, len(places) - 1, limit).astype(int)]
        for info in infos_of(leaf, places):
            path = info.get('seg_map_path')
            if isinstance(path, str) and '://' not in path:
                yield path, decoder


def format_faults(dataset: Any, limit: int | None = None) -> tuple[list[Fault], int]:
    """Look at the headers of label maps; files that cannot be read at all are no fault here.

    Args:
        dataset: Of any kind.
        limit: As in `label_maps_of`.

    Returns:
        The faults, and how many label maps were looked at.
    """
    maps = dict(label_maps_of(dataset, limit))
    faults = find_faults(lambda path: check_format(path, maps[path]), list(maps))
    return faults, len(maps)


def palette_warnings(dataset: Any) -> list[str]:
    """One sentence for each data set inside the wrappers whose palettes contradict."""
    found = []
    for leaf, _ in leaves(dataset):
        meta = getattr(leaf, 'metainfo', None) or {}
        first = int(bool(getattr(leaf, 'reduce_zero_label', False)))
        number = len(meta.get('classes') or ()) + first
        # Chosen classes have other numbers than the values of the files.
        wanted = () if getattr(leaf, 'label_map', None) else meta.get('palette') or ()
        paths = [path for path, _ in label_maps_of(leaf, SAMPLE)]
        found.append(compare_palettes(paths, number or 256, wanted, first))
    return [f'{sentence}.' for sentence in found if sentence is not None]


def notes_on(tasks: Sequence[Task], seen: set[int] | None) -> list[str]:
    """What is odd about the label maps of a set as a whole, a sentence each.

    Args:
        tasks: Of all files of the set.
        seen: The classes that its label maps show; None if they were not decoded.
    """
    maps = [(task.path, task.rules) for task in tasks if task.rules is not None]
    if not maps:
        return []
    rules = maps[0][1]
    notes = []
    names = rules.classes or [str(number) for number in range(rules.num_classes)]
    if seen is not None and (absent := [n for i, n in enumerate(names) if i not in seen]):
        notes.append(
            f'No label map shows {len(absent)} of {len(names)} classes ({name_some(absent)}), so '
            'nothing can learn or measure them.'
        )
    first = int(rules.reduce_zero_label)
    wanted = () if rules.label_map else rules.palette
    number = rules.num_classes + first
    paths = [path for path, _ in maps[:: max(1, len(maps) // SAMPLE)]]
    if (sentence := compare_palettes(paths, number, wanted, first)) is not None:
        notes.append(f'{sentence}.')
    return notes
