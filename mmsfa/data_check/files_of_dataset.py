"""The files of a data set that is built: all samples of all data sets inside the wrappers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from mmsfa.model_parts import get
from mmsfa.rng_state import isolated_rng

from .diagnose import files_of


def leaves(dataset: Any) -> Iterator[tuple[Any, Iterable[int] | None]]:
    """The data sets inside any wrappers that can tell their samples' files.

    Args:
        dataset: Of mmengine, torch or one's own. What has no ``get_data_info`` is left out.

    Yields:
        A data set, and which of its samples are used; None means all.
    """
    inner = getattr(dataset, 'datasets', None)
    if isinstance(inner, (list, tuple)):  # ConcatDataset
        for one in inner:
            yield from leaves(one)
    elif _is_dataset(getattr(dataset, 'dataset', None)):  # RepeatDataset, Subset, ...
        indices = getattr(dataset, 'indices', None)
        for leaf, own in leaves(dataset.dataset):
            is_direct = leaf is dataset.dataset and own is None
            yield leaf, indices if is_direct and isinstance(indices, (list, tuple)) else own
    elif hasattr(dataset, 'get_data_info') and hasattr(dataset, '__len__'):
        yield dataset, None


def _is_dataset(value: Any) -> bool:
    return any(hasattr(value, name) for name in ('get_data_info', 'dataset', 'datasets'))


def infos_of(dataset: Any, indices: Iterable[int] | None = None) -> Iterator[dict[str, Any]]:
    """What a data set knows of its samples before they are loaded."""
    if hasattr(dataset, 'full_init'):
        dataset.full_init()
    for index in range(len(dataset)) if indices is None else indices:
        yield dataset.get_data_info(int(index))


def files_in(dataset: Any) -> list[str]:
    """Every local file that loading all samples would read, each once.

    Label maps count only where the pipeline reads them: a test set may do without.
    """
    files: dict[str, None] = {}
    for leaf, indices in leaves(dataset):
        if not is_local(leaf) or _reads_elsewhere(leaf):
            continue
        with_maps = reads_label_maps(getattr(leaf, 'pipeline', None))
        for info in infos_of(leaf, indices):
            label_map = None if with_maps else info.get('seg_map_path')
            files.update(dict.fromkeys(path for path in files_of(info) if path != label_map))
    return list(files)


def is_local(dataset: Any) -> bool:
    """Whether files are read from the disk and not from an object store.

    Args:
        dataset: A data set, or its settings.
    """
    pipeline = get(dataset, 'pipeline')
    steps = pipeline if isinstance(pipeline, (list, tuple)) else get(pipeline, 'transforms')
    settings = [get(part, 'backend_args') or {} for part in (dataset, *(steps or ()))]
    return {one.get('backend', 'local') for one in settings} <= {'local', 'disk'}


def _reads_elsewhere(dataset: Any) -> bool:
    """Whether paths are names in an archive of one's own: none is a file, but a sample loads."""
    files = files_of(info := dataset.get_data_info(0)) if len(dataset) else []
    if not files or any(map(os.path.exists, files)):
        return False
    with isolated_rng(), suppress(Exception):
        sample = dataset[0]
        return not (isinstance(sample, dict) and sample.keys() <= info.keys())  # else as it was
    return False


def reads_label_maps(pipeline: Any) -> bool:
    """Whether a pipeline, or a part of one, reads ``seg_map_path``."""
    if pipeline is None:
        return False
    if isinstance(pipeline, (list, tuple)):
        return any(map(reads_label_maps, pipeline))
    with_seg = getattr(pipeline, 'with_seg', None)
    if with_seg is not None:
        return bool(with_seg)
    if 'Annotation' in type(pipeline).__name__:
        return True
    return any(
        reads_label_maps(getattr(pipeline, name, None)) for name in ('transforms', 'subroutines')
    )


def coco_file_of(dataset: Any) -> tuple[str, str] | None:
    """(annotation file, folder of its pictures) of a data set in the form of COCO, if it is one."""
    path, prefixes = getattr(dataset, 'ann_file', None), getattr(dataset, 'data_prefix', None)
    if not (isinstance(path, str) and path.endswith('.json') and os.path.isfile(path)):
        return None
    prefixes = prefixes if isinstance(prefixes, dict) else {}
    return path, prefixes.get('img') or prefixes.get('img_path') or ''
