"""Stop early when the classes of a config are not those of its annotation files or its model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.registry import DATASETS, METRICS, Registry

from mmsfa.config.check_datasets import datasets_of
from mmsfa.config.scopes import class_of
from mmsfa.errors import UserError
from mmsfa.model_parts import bare_model, class_heads_of, get

from .class_names import classes_in, compare, quoted
from .coco_categories import read_categories
from .coco_files import KEYS
from .fault import Fault, list_faults
from .folder_names import folder_faults
from .same_labels import label_faults
from .xml_names import compare_names, names_in, xml_folder

# Metrics that look the categories of their file up by the names of the classes.
BY_NAME = ('CocoMetric', 'FasterCocoMetric', 'CocoOccludedSeparatedMetric')


class ClassesError(UserError, ValueError):
    """Classes of a config that its annotation files, class folders or model do not have."""


class _User(NamedTuple):
    """A data set or a metric that reads an annotation file."""

    key: str
    path: str
    classes: tuple[str, ...]
    complete: bool
    needed: tuple[str, ...]
    filled: tuple[str, ...] = ('images',)
    by_id: bool = False


def check_classes(cfg: Config, *splits: str) -> None:
    """Compare the classes of every data set and metric with what they read, before anything runs.

    Args:
        cfg: The whole config.
        *splits: ``'train'``, ``'val'``, ``'test'``; those whose data loader is unset are skipped.

    Raises:
        ClassesError: Labels would get lost, shifted or wrong names.
    """
    hook = (cfg.get('default_hooks') or {}).get('data_check', {})
    if hook is not None and hook.get('check_classes', True):  # else it is switched off
        refuse(class_faults(cfg, splits)[0])


def refuse(faults: list[Fault], num_shown: int = 20) -> None:
    """Raise the error that names these faults of `class_faults`, if there are any.

    Args:
        faults: What was found.
        num_shown: How many the message names.

    Raises:
        ClassesError: There is one.
    """
    if faults:
        raise ClassesError(
            'The classes of the config do not fit its data or its model, or a file does not tell '
            'its classes, so nothing was run (they stand in metainfo=dict(classes=...) of each '
            'data set; default_hooks.data_check.check_classes=False compares nothing):\n'
            f'{list_faults(faults, num_shown)}'
        )


def class_faults(cfg: Config, splits: tuple[str, ...]) -> tuple[list[Fault], list[str]]:
    """What `check_classes` refuses, and what is right but worth a line, such as a subset.

    Args:
        cfg: The whole config.
        splits: ``'train'``, ``'val'``, ``'test'``.
    """
    faults: dict[Fault, None] = {}
    notes: dict[str, None] = {}
    trained: set[str] = set()
    lacked: dict[str, tuple[_User, list[str]]] = {}
    for split in splits:
        for user in _users(cfg, split, faults, notes):
            categories, fault = read_categories(user.path, user.needed, user.filled)
            if fault is not None:
                faults[fault] = None
                continue
            if user.by_id:
                categories.sort(key=lambda category: category['id'])
            names = [category['name'] for category in categories]
            what, note = compare(user.classes, names, user.complete)
            if what is not None:
                faults[Fault(user.path, f'{what} ({user.key})')] = None
            elif note is not None and note.startswith('has no category'):
                lacked[note] = user, names
            elif note is not None:
                notes[f'{user.path}: {note}.'] = None
            if split == 'train':
                trained |= set(names)
    for note, (user, names) in lacked.items():
        # Of several training sets another may have it.
        if not set(user.classes) <= trained | set(names):
            notes[f'{user.path}: {note} ({user.key}).'] = None
    faults.update(dict.fromkeys(folder_faults(cfg, splits)))
    faults.update(dict.fromkeys(label_faults(cfg, splits)))
    return list(faults), list(notes)


def _users(
    cfg: Config, split: str, faults: dict[Fault, None], notes: dict[str, None]
) -> Iterator[_User]:
    """Who reads an annotation file; adds what is wrong with the classes as such, and XML files."""
    scope, classes = cfg.get('default_scope'), None
    metrics = list(_by_name_metrics(cfg, split)) if scope in (None, 'mmdet') else []
    for key, settings in datasets_of(cfg, (split,)):
        kind = _kind(DATASETS, settings, scope)
        own, what = _classes(settings, kind)
        if what is not None:
            faults[Fault(key, what)] = None
        if own and (what := _other_number(cfg, kind, own)) is not None:
            faults[Fault(key, what)] = None
        if _is_xml(kind) and own:
            what, note = _compare_xml(settings, own)
            if what is not None:
                faults[Fault(str(settings.get('ann_file')), f'{what} ({key}.metainfo.classes)')] = (
                    None
                )
            elif note is not None:
                notes[f'{settings.get("ann_file")}: {note}.'] = None
        if not _is_coco(kind):
            continue
        classes = classes or own  # mmengine tells a metric the classes of the first set
        needed = KEYS if split == 'train' else ('images', 'categories')
        root, name = settings.get('data_root') or '', settings.get('ann_file') or ''
        if own and (path := _local(settings, root, name)) is not None:
            # Pictures without boxes are left out then, and mmengine fails on a set without any.
            boxes = split == 'train' and (settings.get('filter_cfg') or {}).get('filter_empty_gt')
            filled = ('images', 'annotations') if boxes else ('images',)
            yield _User(f'{key}.metainfo.classes', path, own, False, needed, filled)
    for key, settings in metrics:
        path = _local(settings, '', settings.get('ann_file') or '')
        if classes and path is not None:
            needed = ('images', 'categories') if settings.get('format_only') else KEYS
            by_id = bool(settings.get('sort_categories'))
            yield _User(f'{key}.ann_file', path, classes, True, needed, by_id=by_id)


def _kind(registry: Registry, settings: Any, scope: str | None) -> Any:
    with registry.switch_scope_and_registry(scope) as found:
        return class_of(settings, found)


def _owner(kind: Any, method: str) -> str:
    """The name of the class that a method comes from."""
    bases = getattr(kind, '__mro__', ())
    return next((base.__name__ for base in bases if method in vars(base)), '')


def _is_coco(kind: Any) -> bool:
    """Whether a data set numbers its classes in the order of the file's categories."""
    return _owner(kind, 'load_data_list') == 'CocoDataset'


def _is_xml(kind: Any) -> bool:
    """Whether a data set reads a list of XML files; subclasses may call the things otherwise."""
    return _owner(kind, 'load_data_list') == _owner(kind, '_parse_instance_info') == 'XMLDataset'


def _compare_xml(settings: dict, classes: tuple[str, ...]) -> tuple[str | None, str | None]:
    path = _local(settings, settings.get('data_root') or '', settings.get('ann_file') or '')
    folder = xml_folder(settings)
    if path is None or '://' in folder:
        return None, None
    return compare_names(classes, names_in(path, folder))


def _classes(settings: dict, kind: Any) -> tuple[tuple[str, ...], str | None]:
    default = (getattr(kind, 'METAINFO', None) or {}).get('classes')
    metainfo = settings.get('metainfo')
    if not isinstance(metainfo, (dict, type(None))):
        return (), f'metainfo must be a dictionary, got {metainfo!r:.60}'
    metainfo = metainfo or {}
    if not _is_coco(kind) and not _is_xml(kind):
        if settings.get('classes') is not None:  # mmpretrain's other place for them
            metainfo = {'classes': settings['classes'], **metainfo}
        default = None  # a list may name fewer classes than the kind of the set knows
    if default is None and not {'classes', 'CLASSES'} & metainfo.keys():
        return (), None
    return classes_in(metainfo, default)


def _by_name_metrics(cfg: Config, split: str) -> Iterator[tuple[str, dict]]:
    evaluator = cfg.get(f'{split}_evaluator')
    if isinstance(evaluator, dict) and evaluator.get('metrics') is not None:
        evaluator = evaluator['metrics']
    single = isinstance(evaluator, dict)
    for number, settings in enumerate([evaluator] if single else evaluator or ()):
        if not isinstance(settings, dict):
            continue
        kind = _kind(METRICS, settings, cfg.get('default_scope'))
        if _owner(kind, 'compute_metrics') in BY_NAME and settings.get('ann_file'):
            yield f'{split}_evaluator' + ('' if single else f'.{number}'), settings


def _other_number(cfg: Config, kind: Any, classes: tuple[str, ...]) -> str | None:
    """No head may have fewer classes than the data, and mmdet's metric fails with more.

    A model whose labels are words, or all one, is left out.
    """
    model = bare_model(cfg.get('model') or {})
    is_single = str(get(model, 'type', '')).rpartition('.')[2] == 'RPN'
    if is_single or get(model, 'language_model') or _owner(kind, 'parse_data_info') not in (
        '', 'CocoDataset', 'XMLDataset', 'BaseDataset'
    ):  # fmt: skip
        return None
    for path, head in class_heads_of(model):
        number = get(head, 'num_classes')
        if number < len(classes) or (_is_coco(kind) and number > len(classes)):
            return (
                f'has {len(classes)} classes ({quoted(classes)}), but model.{path}.num_classes is '
                f'{number}'
            )
    return None


def _local(settings: dict, root: str, name: Any) -> str | None:
    path = os.path.join(root, name) if isinstance(name, str) and name else ''
    return path if path and '://' not in path and not settings.get('backend_args') else None
