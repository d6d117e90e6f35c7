"""Old names of modules still import them."""

from __future__ import annotations

import importlib
import sys
import warnings

import pytest

from mmsfa.moved import MOVED, install


@pytest.mark.parametrize('old', MOVED)
def test_old_names_of_modules_stay(old: str) -> None:
    with pytest.warns(DeprecationWarning, match=MOVED[old]):
        found = importlib.import_module(old)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert importlib.import_module(MOVED[old]) is found
    assert found.__spec__.name == MOVED[old]


def test_other_names_are_left_to_others() -> None:
    (finder,) = (one for one in sys.meta_path if type(one).__name__ == '_MovedFinder')
    install()  # again
    assert [one for one in sys.meta_path if type(one) is type(finder)] == [finder]
    assert finder.find_spec('mmsfa.engine') is finder.find_spec('mmsfa.gone') is None
    with pytest.raises(ModuleNotFoundError, match='mmsfa.gone'):
        importlib.import_module('mmsfa.gone')
