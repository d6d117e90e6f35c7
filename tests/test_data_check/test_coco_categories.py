"""Categories are read without the rest of a large file; what lacks them is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmsfa.data_check import coco_categories
from mmsfa.data_check.coco_categories import read_categories
from tests.helpers.coco_content import coco_content


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is a large one, and whoever reads all of it fails."""
    monkeypatch.setattr(coco_categories, '_PIECES', (32, 256))
    monkeypatch.setattr(coco_categories, 'read_json', lambda path: ([], None))


@pytest.mark.parametrize('order', [1, -1])
@pytest.mark.parametrize('indent', [None, 4])
def test_a_large_file_is_not_read_whole(
    large: None, tmp_path: Path, order: int, indent: int | None
) -> None:
    content = coco_content()
    path = tmp_path / 'a.json'
    path.write_text(json.dumps(dict(list(content.items())[::order]), indent=indent))
    assert read_categories(str(path)) == (content['categories'], None)


def test_a_large_file_that_says_it_twice_is_read_whole(large: None, tmp_path: Path) -> None:
    path = tmp_path / 'a.json'
    path.write_text(json.dumps(dict(info=dict(categories=5), **coco_content())))
    assert 'an annotation file' in read_categories(str(path))[1].what


@pytest.mark.parametrize(
    ('text', 'phrase'),
    [
        ('', 'empty'),
        ('  ', 'no JSON'),
        ('[]', "is an object with 'images', 'annotations', 'categories', this one is a list"),
        ('null', 'this one is null'),
        ('3', 'this one is a int'),
        ('{}', "has no 'images'"),
        ('{"images": [{}], "annotations": []}', "has no 'categories'"),
        ('{"images": [{}], "categories": []}', "has no 'annotations'"),
        ('{"annotations": [], "categories": []}', "has no 'images'"),
        ('{"images": [], "annotations": [], "categories": []}', "'images' is empty"),
        ('{"images": {}, "annotations": [], "categories": []}', "'images' is no list, but {}"),
        ('{"images": [{}], "annotations": [], "categories": [3]}', 'entry 0 of its categories'),
        ('{"images": [{}], "annotations": [], "categories": [{"id": 1}]}', 'has no name'),
        ('{"images": [{}], "annotations": [], "categories": [{"name": "a"}]}', "'a' has no id"),
    ],
)
def test_what_is_lacking(tmp_path: Path, text: str, phrase: str) -> None:
    path = tmp_path / 'a.json'
    path.write_text(text)
    found, fault = read_categories(str(path))
    assert not found and fault is not None
    assert fault.path == str(path) and phrase in fault.what


def test_a_test_set_needs_no_annotations(tmp_path: Path) -> None:
    path = tmp_path / 'a.json'
    path.write_text('{"images": [{}], "categories": [{"id": 1, "name": "a"}]}')
    assert read_categories(str(path), ('images', 'categories'))[1] is None
    path.write_text('{"images": [{}], "annotations": [], "categories": [{"id": 1, "name": "a"}]}')
    assert read_categories(str(path))[1] is None
    fault = read_categories(str(path), filled=('images', 'annotations'))[1]
    assert fault is not None and fault.what == "'annotations' is empty"
