"""Settings on the command line are read as mmengine reads them, but keep their blanks."""

from __future__ import annotations

import argparse
from typing import Any

import pytest
from mmengine.config import DictAction

from mmsfa.cli.key_values import KeyValues


def read(*settings: str, action: type[argparse.Action] = KeyValues) -> dict[str, Any]:
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument('--cfg-options', nargs='+', action=action)
    return parser.parse_args(['--cfg-options', *settings]).cfg_options


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('/my folder/x', '/my folder/x'),
        ('"/my folder (old)/x y"', '/my folder (old)/x y'),
        ('[/my folder, b c]', ['/my folder', 'b c']),
        ('[1, (2, 3.5), [ true , None ], /my (old) x]', [1, (2, 3.5), [True, None], '/my (old) x']),
        ('a b, c', ['a b', 'c']),
        (' 5 ', 5),
        ('', ''),
        ('a=b c', 'a=b c'),
    ],
)
def test_blanks_stay_in_values(text: str, value: object) -> None:
    assert read(f'data_root={text}') == {'data_root': value}


@pytest.mark.parametrize(
    'text', ['1', '1e-3', 'None', 'False', '1,2', '[a,(1,[2]),b]', '()', '"x"']
)
def test_without_blanks_it_is_mmengine(text: str) -> None:
    assert read(f'a.b={text}') == read(f'a.b={text}', action=DictAction)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('data_root', "expected key=value, got 'data_root'"),
        ('=3', "got '=3'"),
        ('a=[1,2', 'brackets'),
    ],
)
def test_what_is_no_setting_is_named(text: str, message: str) -> None:
    with pytest.raises(argparse.ArgumentError, match=message):
        read(text)
