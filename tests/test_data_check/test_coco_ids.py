"""Ids that get lost or mixed up are named, and those that do no harm are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmsfa.data_check.coco_ids import harmful_ids, id_of
from tests.helpers.coco_content import coco_content, metric_of, precision_of


def each(key: str, **changes: Callable) -> Callable[[dict], None]:
    """A change of every entry of a list."""

    def change(content: dict) -> None:
        for entry in content[key]:
            entry.update({name: to(entry.get(name)) for name, to in changes.items()})

    return change


def both(*changes: Callable[[dict], None]) -> Callable[[dict], None]:
    return lambda content: [change(content) for change in changes] and None


def again(content: dict, move: int, copies: int) -> None:
    """The first picture under another id, with boxes moved or copied there."""
    content['images'].append(dict(content['images'][0], id=77))
    for entry in content['annotations'][:move]:
        entry['image_id'] = 77
    entries = content['annotations'][:copies]
    content['annotations'] += [dict(one, id=500 + one['id'], image_id=77) for one in entries]


HARMFUL: dict[str, Callable[[dict], None]] = {
    'image id 1 occurs twice': lambda c: c['images'][1].update(id=1),
    'annotation id 1 occurs twice': lambda c: c['annotations'][6].update(id=1),
    "category id 1 is that of 'circle' and of": lambda c: c['categories'][1].update(id=1),
    'under the ids 1 and 77 with other boxes': lambda c: again(c, 2, 0),
    "its image_id is '1', but the id is 1": each('annotations', image_id=str),
    "its image_id is 1, but the id is '1'": each('images', id=str),
    "its category_id is '1', but the id is 1": each('annotations', category_id=str),
    "its category_id is 1, but the id is '1'": each('categories', id=str),
    "iscrowd is the text '0'": each('annotations', iscrowd=str),
    "ignore is the text '0'": each('annotations', ignore=lambda _: '0'),
    'category_id of its annotations are 0 to 2, but the ids of its categories 1 to 3': each(
        'annotations', category_id=lambda number: number - 1
    ),
    'category_id of its annotations are 1 to 3, but the ids of its categories 0 to 2': each(
        'categories', id=lambda number: number - 1
    ),
    'that of no picture': each('annotations', image_id=lambda number: number + 100),
}


@pytest.mark.parametrize('phrase', HARMFUL)
def test_harmful_ids_are_named(phrase: str) -> None:
    content = coco_content()
    HARMFUL[phrase](content)
    assert phrase in '\n'.join(what for what, _ in harmful_ids(content))


def test_what_cannot_be_looked_up() -> None:
    content = coco_content()
    content['images'][0]['id'] = None
    content['images'][1]['id'] = float('nan')
    content['categories'][1]['id'] = '2'
    said = [what for what, _ in harmful_ids(content)]
    assert said[:2] == ['an image entry without an id'] * 2
    assert 'some ids of its categories are text and some numbers, which no metric can sort' in said
    assert id_of([1], 'id') is None and id_of(dict(id=[1]), 'id') is None


HARMLESS: dict[str, Callable[[dict], None]] = {
    'as it is': lambda c: None,
    'text': both(each('images', id=str), each('annotations', image_id=str)),
    'text of categories': both(each('categories', id=str), each('annotations', category_id=str)),
    'fractions': both(each('annotations', image_id=float, category_id=float, id=float)),
    'negative': each('annotations', id=lambda number: -number),
    'the same line twice': lambda c: c['images'].append(dict(c['images'][0])),
    'a category was taken out': lambda c: c['categories'].pop(0),
    'left over': lambda c: c['annotations'].append(dict(c['annotations'][0], id=99, image_id=99)),
}


@pytest.mark.parametrize('kind', HARMLESS)
def test_harmless_ids_are_not_refused(kind: str, tmp_path: Path) -> None:
    content, sound = coco_content(), coco_content()
    HARMLESS[kind](content)
    assert not list(harmful_ids(content))
    if len(content['categories']) == len(sound['categories']):
        expected = precision_of(metric_of(tmp_path / 'sound.json', sound))
        assert precision_of(metric_of(tmp_path / 'file.json', content)) == expected > 0.7


def test_a_picture_may_stand_there_twice_with_the_same_boxes_or_with_captions() -> None:
    content = coco_content()
    again(content, 0, 4)
    assert not list(harmful_ids(content))
    content = coco_content()
    again(content, 2, 0)
    for image in content['images']:
        image['caption'] = 'one of several'
    assert not list(harmful_ids(content))
