"""Names of classes against names of categories."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmsfa.data_check.class_names import classes_in, compare, nearest, quoted

NAMES = ('circle', 'square', 'triangle')


def test_where_classes_come_from(tmp_path: Path) -> None:
    assert classes_in(dict(classes=['a', 'b']), None) == (('a', 'b'), None)
    assert classes_in(None, ('a',)) == (('a',), None)
    path = tmp_path / 'names.txt'
    path.write_text('a\nb c\n')
    assert classes_in(dict(classes=str(path)), None) == (('a', 'b c'), None)


@pytest.mark.parametrize(
    ('metainfo', 'phrase'),
    [
        (dict(CLASSES=NAMES), 'metainfo has CLASSES'),
        (dict(classes='circle'), "classes is the text 'circle'"),
        (dict(classes=()), 'one or more names'),
        (dict(classes=None), 'one or more names'),
        (dict(classes=(1, 2)), 'must be names, got 1'),
    ],
)
def test_what_is_no_list_of_names(metainfo: dict, phrase: str) -> None:
    classes, what = classes_in(metainfo, NAMES)
    assert classes == () and what is not None and phrase in what


@pytest.mark.parametrize('complete', [False, True])
@pytest.mark.parametrize(
    ('classes', 'names', 'phrases'),
    [
        (('circle', 'sqare', 'triangle'), NAMES, ["'sqare' is nearest to its 'square'"]),
        (('circle', 'square', 'Triangle '), NAMES, ["'Triangle ' is nearest to its 'triangle'"]),
        (('Circle', 'Square', 'Triangle'), NAMES, ['none of the classes', "are 'circle', 'squar"]),
        (('a', 'circle'), NAMES, ["has no category 'a'"]),  # circle would get label 0
        (('square', 'circle'), NAMES, ["another order", "classes=('circle', 'square')"]),
        (('circle', 'circle'), NAMES, ["gets the class 'circle' twice"]),
        (NAMES, (*NAMES, 'circle'), ["has the category 'circle' twice"]),
    ],
)  # fmt: skip
def test_what_would_shift_or_lose_labels(
    classes: tuple, names: tuple, phrases: list[str], complete: bool
) -> None:
    what, note = compare(classes, names, complete)
    assert what is not None and note is None
    assert all(phrase in what for phrase in phrases), what


def test_a_subset_and_a_class_that_one_file_lacks_are_a_line() -> None:
    assert compare(NAMES, NAMES, True) == (None, None)
    assert compare(('circle', 'triangle'), NAMES, True) == (
        None,
        "1 of its 3 categories are no classes of the config and are left out ('square')",
    )
    rare = (*NAMES, 'a rare one')
    assert compare(rare, NAMES, False) == (
        None,
        "has no category 'a rare one', which this file does not train",
    )
    assert "has no category 'a rare one'" in str(compare(rare, NAMES, True)[0])


def test_names_that_are_meant_and_long_lists() -> None:
    assert nearest(' CAT', ['dog', 'cat']) == 'cat' and nearest('cat', ['dog', 'horse']) is None
    assert quoted('abc') == "'a', 'b', 'c'" and quoted([]) == 'none'
    assert quoted([str(number) for number in range(20)]).endswith("'11' and 8 more")
