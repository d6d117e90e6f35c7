"""Which files a config's data sets consist of, and what is wrong with their annotations."""

from __future__ import annotations

import contextlib
import io
import os
from types import SimpleNamespace
from typing import Any

from mmengine.config import Config
from mmengine.registry import DATASETS

from mmsfa.config.check_datasets import datasets_of
from mmsfa.config.scopes import class_of
from mmsfa.datasets.suffixes import ALL_PICTURES, EVENTS
from mmsfa.model_parts import class_head_of, class_heads_of, get

from .check_classes import class_faults
from .class_lists import check_class_folders, check_list
from .coco_files import check_coco_file, read_json
from .diagnose import files_of
from .fault import Fault
from .file_task import Task
from .files_of_dataset import infos_of, is_local
from .label_map_file import LabelMapRules
from .label_maps import decoder_of
from .missing_classes import sentence_on_labels
from .orientation import Reading, reading_of

# What a data set of one's own need not know.
_EMPTY: dict[str, Any] = dict(pipeline=[], filter_cfg=None)


def collect(cfg: Config, split: str, deep: bool = True) -> tuple[list[Task], list[Fault]]:
    """Find the files of one split with the config's own data set classes.

    Where a class stumbles over its annotation file, that is a fault, and the files are read from
    the annotation file instead.

    Args:
        cfg: The whole config.
        split: ``'train'``, ``'val'`` or ``'test'``.
        deep: Whether the files will be decoded.

    Returns:
        One task a file, and the faults of the annotations.
    """
    tasks: dict[str, Task] = {}
    faults: list[Fault] = []
    built: list[Any] = []
    of_classes, notes = class_faults(cfg, (split,))
    for key, settings in datasets_of(cfg, (split,)):
        annotations = _Annotations(cfg, settings)
        files, own = annotations.check()
        faults += own
        dataset, fault = _build(cfg, settings)
        if fault is not None:
            # Where the reason is named already, the error of the class adds nothing.
            is_named = own or fault.path in {one.path for one in of_classes}
            faults += [] if is_named else [fault]
            files = files or annotations.coco_files()
            tasks.update((path, Task(path, deep)) for path in files if path not in tasks)
        elif not hasattr(dataset, 'get_data_info') or not is_local(settings):
            print(f'{key} does not say which files of this machine it reads; they are not checked.')
        else:
            _add_samples(cfg, settings, dataset, deep, tasks, faults)
            built.append(dataset)
    together = SimpleNamespace(datasets=built)  # a class may be in one of several sets
    if (sentence := sentence_on_labels(split, together)) is not None:
        notes.append(sentence)
    print(*notes, sep='\n', end='\n' * bool(notes))
    named = {fault.path for fault in faults}
    faults += [fault for fault in of_classes if fault.path not in named]
    return list(tasks.values()), faults


def _build(cfg: Config, settings: dict) -> tuple[Any, Fault | None]:
    """The data set without its pipeline and without the filter that hides samples."""
    settings = dict(settings)
    settings.update({key: empty for key, empty in _EMPTY.items() if key in settings})
    try:
        scope = DATASETS.switch_scope_and_registry(cfg.get('default_scope'))
        # pycocotools prints what it does
        with scope as registry, contextlib.redirect_stdout(io.StringIO()):
            dataset = registry.build(settings)
            if hasattr(dataset, 'full_init'):
                dataset.full_init()
        return dataset, None
    except Exception as error:  # whatever a data set of one's own raises
        name = settings.get('ann_file') or settings.get('data_prefix') or settings.get('type')
        path = os.path.join(settings.get('data_root') or '', name if isinstance(name, str) else '')
        line = (str(error).strip() or 'no message').splitlines()[0]
        return None, Fault(path, f'the data set cannot be built ({type(error).__name__}: {line})')


class _Annotations:
    """The annotation file or the class folders of one data set's settings."""

    def __init__(self, cfg: Config, settings: dict) -> None:
        self.cfg, self.settings = cfg, settings
        root, prefix = settings.get('data_root') or '', settings.get('data_prefix') or ''
        if isinstance(prefix, dict):
            prefix = prefix.get('img') or prefix.get('img_path') or ''
        self.image_dir = os.path.join(root, prefix)
        ann_file = settings.get('ann_file') or ''
        self.file = os.path.join(root, ann_file) if ann_file else ''

    def check(self) -> tuple[list[str], list[Fault]]:
        """(files named, those of `coco_files` left out; faults)."""
        if '://' in self.file + self.image_dir or self.settings.get('backend_args'):
            return [], []
        if self.file.endswith('.json'):
            return [], check_coco_file(self.file, self.image_dir)
        with DATASETS.switch_scope_and_registry(self.cfg.get('default_scope')) as registry:
            kind = class_of(self.settings, registry)
        if 'CustomDataset' not in [base.__name__ for base in getattr(kind, '__mro__', ())]:
            return [], []
        with_label = self.settings.get('with_label', True)
        classes = self.settings.get('classes') or (self.settings.get('metainfo') or {}).get(
            'classes'
        )
        classes = classes if isinstance(classes, (list, tuple)) else None
        if self.file:
            number = num_classes_of(self.cfg) or (len(classes) if classes else None)
            return check_list(self.file, self.image_dir, with_label, number)
        if not with_label or kind.__name__ != 'CustomDataset':
            return [], []  # a ready-made set such as ImageNet knows its folders itself
        files = [
            os.path.join(folder, name)
            for folder, _, names in sorted(os.walk(self.image_dir))
            for name in sorted(names)
            if os.path.splitext(name)[1].lower() in (*ALL_PICTURES, *EVENTS)
        ]
        return files, check_class_folders(self.image_dir, classes)

    def coco_files(self) -> list[str]:
        """The pictures that a JSON file names; reads it once more."""
        content, _ = read_json(self.file) if self.file.endswith('.json') else (None, None)
        images = content.get('images') if isinstance(content, dict) else None
        names = [image.get('file_name') for image in images or () if isinstance(image, dict)]
        return [os.path.join(self.image_dir, name) for name in names if isinstance(name, str)]


def num_classes_of(cfg: Config) -> int | None:
    """Number of classes that the model of a config tells; None in pre-training."""
    return get(class_head_of(cfg.get('model') or {}), 'num_classes')


def _add_samples(
    cfg: Config,
    settings: dict,
    dataset: Any,
    deep: bool,
    tasks: dict[str, Task],
    faults: list[Fault],
) -> None:
    """Add the files of all samples, and the faults of class labels."""
    classes = (getattr(dataset, 'metainfo', None) or {}).get('classes') or ()
    number = num_classes_of(cfg) or len(classes)
    is_seg = cfg.get('default_scope') == 'mmseg'
    pipeline = settings.get('pipeline') or []
    with_maps = _reads_label_maps(pipeline, is_seg)
    reading = reading_of(pipeline) or Reading()
    for info in infos_of(dataset):
        picture, label_map = info.get('img_path'), info.get('seg_map_path')
        for path in files_of(info):
            if path == label_map and not with_maps:
                continue
            task = Task(path, deep, reading=reading)
            if path == label_map:
                # a loader of one's own may read colours
                known = is_seg and decoder_of(settings.get('pipeline'))
                rules = _rules(cfg, settings, dataset, info, number) if known else None
                task = task._replace(rules=rules, picture=picture)
            elif path == picture and 'instances' in info and {'width', 'height'} <= info.keys():
                task = task._replace(size=(info['width'], info['height']))
            tasks.setdefault(path, task)
        label = info.get('gt_label')
        for one in label if isinstance(label, (list, tuple)) else [label]:
            is_wrong = isinstance(one, int) and number and not 0 <= one < number
            # a list that names such a label is at fault itself
            if is_wrong and not settings.get('ann_file'):
                name = str(picture or settings.get('type'))
                faults.append(Fault(name, f'label {one} is not in 0..{number - 1}'))


def _rules(
    cfg: Config, settings: dict, dataset: Any, info: dict, num_classes: int
) -> LabelMapRules:
    heads = class_heads_of(cfg.get('model'))
    ignored = [get(dataset, 'ignore_index'), *(get(head, 'ignore_index') for _, head in heads)]
    meta = getattr(dataset, 'metainfo', None) or {}
    return LabelMapRules(
        num_classes,
        bool(info.get('reduce_zero_label')),
        info.get('label_map') or {},
        (255, *(one for one in ignored if one is not None)),
        decoder_of(settings.get('pipeline')) or 'pillow',
        tuple(map(str, meta.get('classes') or ())),
        meta.get('palette') or (),
    )


def _reads_label_maps(pipeline: Any, is_seg: bool) -> bool:
    """Whether the settings of a pipeline name a step that reads ``seg_map_path``."""
    if isinstance(pipeline, (list, tuple)):
        return any(_reads_label_maps(step, is_seg) for step in pipeline)
    if not isinstance(pipeline, dict):
        return False
    kind = pipeline.get('type', '')
    name = kind if isinstance(kind, str) else kind.__name__
    if 'Annotation' in name and pipeline.get('with_seg', is_seg or 'Panoptic' in name):
        return True
    return any(_reads_label_maps(part, is_seg) for part in pipeline.values())
