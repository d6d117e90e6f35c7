"""Private API of other libraries: what mmsfa relies on is there, and nothing else is used.

A new version of the stack that changes one of these names fails here, and says which file of mmsfa
to look at.
"""

from __future__ import annotations

import fnmatch
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest

import mmsfa
from tests.test_private_api import (
    mm_rows,  # noqa: F401  each adds its rows
    mmengine_rows,  # noqa: F401
    other_rows,  # noqa: F401
    torch_rows,  # noqa: F401
)
from tests.test_private_api.found import foreign_names, is_private, overridden_names
from tests.test_private_api.rows import ROWS, Row

PACKAGE = Path(mmsfa.__file__).parent
TOOLS = Path(__file__).parents[2] / 'tools'
FILES = {
    str(path.relative_to(root.parent)): path
    for root in (PACKAGE, TOOLS)
    for path in sorted(root.rglob('*.py'))
}


def users(row: Row) -> list[str]:
    """The files that a row is about."""
    matched = [file for pattern in row.used_by for file in fnmatch.filter(FILES, pattern)]
    names = list(filter(is_private, row.names))
    if not names:
        return matched
    return [file for file in matched if any(name in FILES[file].read_text() for name in names)]


def versions() -> str:
    """What is installed of the libraries in question."""
    known = packages_distributions()
    names = ('torch', 'torchvision', 'numpy', 'mmengine', 'mmcv', 'mmdet', 'mmpretrain')
    return ', '.join(f'{name} {version(known[name][0])}' for name in names if name in known)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)


@pytest.mark.parametrize('row', ROWS, ids=lambda row: ','.join(row.names))
def test_it_is_there_and_behaves(row: Row, tmp_path: Path) -> None:
    try:
        row.check(tmp_path)
    except Exception as error:
        pytest.fail(
            f'{", ".join(row.names)} changed ({type(error).__name__}: {error}) with {versions()}: '
            f'look at {", ".join(users(row))}.'
        )


@pytest.mark.parametrize('file', FILES)
def test_nothing_else_is_used(file: str) -> None:
    found = foreign_names(FILES[file])
    if file.startswith('mmsfa'):
        module = '.'.join(Path(file).with_suffix('').parts).removesuffix('.__init__')
        found |= overridden_names(FILES[file], module)
    for row in ROWS:
        if any(fnmatch.fnmatch(file, pattern) for pattern in row.used_by):
            found -= set(row.names)
    assert not found, (
        f'{file} uses {sorted(found)} of other libraries: find a public way, or add a row '
        'with a check to tests/test_private_api.'
    )


@pytest.mark.parametrize('row', ROWS, ids=lambda row: ','.join(row.names))
def test_each_row_is_needed(row: Row) -> None:
    files = users(row)
    for pattern in row.used_by:
        assert fnmatch.filter(files, pattern), f'{pattern} uses none of {row.names}: take it off.'
    for name in filter(is_private, row.names):
        assert any(name in FILES[file].read_text() for file in files), f'{name}: unused.'


@pytest.mark.slow
def test_a_change_names_the_files(tmp_path: Path) -> None:
    def gone(folder: Path) -> None:
        raise AttributeError('no _get_loss')

    changed = Row(('_get_loss',), ('mmsfa/cls/distilled_*.py', 'mmsfa/cls/__init__.py'), gone)
    with pytest.raises(pytest.fail.Exception, match=r'_get_loss\) with torch .*distilled_head.py'):
        test_it_is_there_and_behaves(changed, tmp_path)
    assert 'mmsfa/cls/__init__.py' not in users(changed)


PROBE = """
from foreign import _Base, open_thing
import package._hidden

class Mine(_Base):
    _class_wide = 1

    def __init__(self):
        self._own = self._inherited = open_thing()
        self._counted += 1

    def _method(self):
        super()._method()
        super()._theirs()
        getattr(self.thing, '_asked')
        return self._own, self.thing._own, self._method, self.pair._replace(a=1), self.__dict__
"""


def test_the_reader_finds_what_is_foreign(tmp_path: Path) -> None:
    path = tmp_path / 'probe.py'
    path.write_text(PROBE)
    assert foreign_names(path) == {'_Base', '_hidden', '_counted', '_theirs', '_asked', '_own'}
