"""Which files of a traceback are shown, and by which name."""

from __future__ import annotations

import json
import sysconfig
from pathlib import Path

import mmengine
import pytest
import torch

import mmsfa
from mmsfa.cli.failures.short_path import is_of_interest, short_path

PACKAGES = '/opt/python/lib/python3.11/site-packages'


@pytest.mark.parametrize(
    ('path', 'of_interest'),
    [
        (f'{PACKAGES}/mmdet/models/necks/fpn.py', True),
        (f'{PACKAGES}/mmsfa/backbones/arch.py', True),
        (f'{PACKAGES}/mmdetection3d/models.py', False),
        (f'{PACKAGES}/mmengine/runner/runner.py', True),
        (f'{PACKAGES}/mmengine/registry/build_functions.py', False),  # it passes on
        (f'{PACKAGES}/mmengine/config/config.py', False),
        (f'{PACKAGES}/torch/nn/modules/module.py', False),
        ('/usr/lib/python3/dist-packages/mmseg/apis/inference.py', True),
        ('/elsewhere/my_neck.py', True),
        ('/elsewhere/mmsfa/cli/options.py', False),
        ('<frozen importlib._bootstrap>', False),
        (f'{sysconfig.get_path("stdlib")}/json/decoder.py', False),
    ],
)
def test_whose_file_it_is(path: str, of_interest: bool) -> None:
    assert is_of_interest(path) is of_interest


def test_files_of_this_machine() -> None:
    assert not is_of_interest(json.__file__) and not is_of_interest(torch.__file__)
    assert is_of_interest(mmengine.__file__) and is_of_interest(mmsfa.__file__)
    assert short_path(mmengine.__file__) == 'mmengine/__init__.py'


def test_paths_are_as_short_as_they_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert short_path(f'{PACKAGES}/mmdet/models/fpn.py') == 'mmdet/models/fpn.py'
    inside = f'{PACKAGES}/a/site-packages/b.py'
    assert short_path(inside) == 'b.py'
    assert short_path(str(tmp_path / 'projects' / 'a.py')) == 'projects/a.py'
    assert short_path('/elsewhere/a.py') == '/elsewhere/a.py'
