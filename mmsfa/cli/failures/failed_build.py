"""Which part of a config an object was built from when that failed, and what may be misspelt."""

from __future__ import annotations

import difflib
import inspect
import re
import traceback
from collections.abc import Iterator
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.registry import Registry

from mmsfa.config.walk import walk
from mmsfa.data_check.coco_files import check_coco
from mmsfa.data_check.fault import Fault
from mmsfa.data_check.files_of_dataset import coco_file_of


class FailedBuild(NamedTuple):
    """What is known of it.

    Attributes:
        part: Key in the config and class, such as ``model.neck (FPN)``.
        hint: 'Did you mean ...?', what is empty, or nothing.
    """

    part: str
    hint: str


def failed_build(error: BaseException) -> FailedBuild | None:
    """Look for the innermost object that mmengine was building from a config.

    Args:
        error: As it was caught: the variables of its frames are read.

    Returns:
        None if nothing was being built.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    builds = [
        frame.f_locals
        for frame in frames
        if frame.f_code.co_name == 'build_from_cfg' and isinstance(frame.f_locals.get('cfg'), dict)
    ]
    if not builds:
        return None
    names = [_name(build) for build in builds]
    configs = [one for frame in frames for one in frame.f_locals.values()]
    whole = next((one for one in configs if isinstance(one, Config)), None)
    key = whole is not None and _key_of(builds[-1]['cfg'], whole._cfg_dict)
    part = f'{key} ({names[-1]})' if key else ' > '.join(names)
    return FailedBuild(part, _hint(error, builds[-1]))


def _name(build: dict[str, Any]) -> str:
    """What is built, in one word."""
    kind = build['cfg'].get('type', 'an object without type')
    return getattr(kind, '__name__', str(kind))


def _key_of(settings: dict, whole: dict) -> str | None:
    """Where the settings stand in the config; None if they are there twice, or were changed."""
    same_type = [
        (key, node)
        for key, node in walk(whole)
        if key and isinstance(node, dict) and repr(node.get('type')) == repr(settings.get('type'))
    ]
    equal = [key for key, node in same_type if repr(node) == repr(settings)]
    found = equal or ([key for key, _ in same_type] if 'type' in settings else [])
    return found[0] if len(found) == 1 else None


def _hint(error: BaseException, build: dict[str, Any]) -> str:
    """What is wrong with the annotations, or: did you mean ...?"""
    if faults := _annotation_faults(error):
        more = f' (and {len(faults) - 1} more)' if len(faults) > 1 else ''
        return f'The annotations have faults: {faults[0]}{more}'
    if (empty := _empty_dataset(error)) is not None:
        where = getattr(empty, 'ann_file', '') or getattr(empty, 'data_prefix', '')
        return (
            f'The data set has no sample ({where}): check ann_file, data_prefix, the suffixes of '
            'its files, and filter_cfg, which may have left out all'
        )
    wrong = re.search(r"unexpected keyword argument '(\w+)'", str(error))
    kind = build.get('obj_cls')
    if wrong and kind is not None:
        return _closest(wrong[1], sorted(_arguments(kind)))
    wrong = re.search(r'(\S+) is not in the \S+ registry', str(error))
    if wrong and isinstance(build.get('registry'), Registry):
        names = dict(_registered(build['registry'].root))
        bare = wrong[1].rpartition('.')[2]
        exact = [name for name in names if name.rpartition('.')[2] == bare]
        return _closest(wrong[1], exact or list(names))
    return ''


def _annotation_faults(error: BaseException) -> list[Fault]:
    """Those of the file in the form of COCO that a data set could not be made from."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        if (found := coco_file_of(frame.f_locals.get('self'))) is not None:
            faults, harmful = check_coco(*found)
            return harmful or faults
    return []


def _empty_dataset(error: BaseException) -> Any:
    """The data set without a sample that mmengine could not pack; None for other errors."""
    *_, (last, _) = traceback.walk_tb(error.__traceback__)
    is_packing = last.f_code.co_name == '_serialize_data'
    return last.f_locals.get('self') if is_packing and 'need at least one' in str(error) else None


def _arguments(kind: Any) -> set[str]:
    """Names of the arguments of a class and of those that it hands its ``**kwargs`` to."""
    bases: tuple[Any, ...] = kind.__mro__ if inspect.isclass(kind) else ()
    makers = [base.__init__ for base in bases] or [kind]
    names = set()
    for maker in makers:
        try:
            names |= set(inspect.signature(maker).parameters)
        except (TypeError, ValueError):  # written in C
            continue
    return names - {'self', 'args', 'kwargs'}


def _registered(registry: Registry) -> Iterator[tuple[str, Any]]:
    """Every name in a registry and its children, as a config would write it."""
    prefix = '' if registry.parent is None else f'{registry.scope}.'
    for name, kind in registry.module_dict.items():
        yield prefix + name, kind
    for child in registry.children.values():
        yield from _registered(child)


def _closest(wrong: str, names: list[str]) -> str:
    bare = {name.rpartition('.')[2]: name for name in names}
    found = difflib.get_close_matches(wrong.rpartition('.')[2], bare, n=1, cutoff=0.6)
    return f'Did you mean {bare[found[0]]!r}?' if found else ''
