"""Every wrong installation of a list is explained in one paragraph, whichever way one meets it.

Packages are really taken away in throw-away environments; where metadata is faked, the name says
so. `WRONG` is the list: each row is met by `tools/misc/check_env.py`, by the import, and by
`tools/train.py`.
"""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys

import pytest

from mmsfa import compat

DET, SEG = 'configs/det/mask_rcnn_esf_demo.py', 'configs/seg/upernet_esf_demo.py'
CHECK, IMPORT_DET, IMPORT_SEG = 'check_env', 'import mmsfa.det', 'import mmsfa.seg'


def spoil(package, text):
    """A package that raises when it is imported, in place of the real one."""

    def change(environment):
        environment.remove(package)
        (environment.folder / package).mkdir()
        (environment.folder / package / '__init__.py').write_text(text)

    return change


def fake(distribution, version, import_name):
    """Other metadata in place of the real one; the package itself stays."""

    def change(environment):
        environment.remove(distribution.replace('-', '_') + '-*')
        environment.add_metadata(distribution, version, import_name)

    return change


def without(*patterns):
    return lambda environment: environment.remove(*patterns)


def second_owner(environment):
    environment.add_metadata('mmdet', '3.3.0', 'mmdet')


# name -> (what is done to the environment, what meets it, what is said, the command that mends it)
WRONG = {
    'mmcv without the libraries of OpenCV': (
        spoil('mmcv', "raise ImportError('libGL.so.1: cannot open shared object file')\n"),
        [CHECK, IMPORT_DET, DET],
        'mmcv cannot be imported: libGL.so.1', "pip install 'onedl-mmcv>=2.3.5,<2.4'",
    ),
    'two stacks, faked metadata': (
        second_owner, [CHECK, IMPORT_DET, DET],
        'mmdet 3.3.0 and onedl-mmdetection .* are both installed',
        'pip uninstall -y mmdet onedl-mmdetection && pip install',
    ),
    'no mmdet': (
        without('mmdet', 'onedl_mmdetection-*'), [CHECK, IMPORT_DET, DET],
        'mmdet cannot be imported: it is not installed', "pip install 'onedl-mmdetection>=3.5,<4'",
    ),
    'no mmseg': (
        without('mmseg', 'onedl_mmsegmentation-*'), [CHECK, IMPORT_SEG, SEG],
        'mmseg cannot be imported: it is not installed', "'onedl-mmsegmentation>=1.4,<2'",
    ),
    'no mmpretrain': (
        without('mmpretrain', 'onedl_mmpretrain-*'), [CHECK, IMPORT_SEG, SEG],
        'mmpretrain cannot be imported: it is not installed', "'onedl-mmpretrain>=1.3.5,<2'",
    ),
    'no mmengine': (
        without('mmengine', 'onedl_mmengine-*'), [CHECK, IMPORT_DET, DET],
        'mmengine cannot be imported: it is not installed', "'onedl-mmengine>=0.10.12,<1'",
    ),
    'torchvision of another torch': (
        spoil('torchvision', 'import torch\ntorch.library.of_another_time\n'),
        [CHECK, IMPORT_SEG, SEG],
        'torchvision is installed but cannot be imported: .*of_another_time',
        "pip install --no-deps 'torchvision==0.",
    ),
    'torch without its libraries': (
        spoil('torch', "raise OSError('libcudart.so.12: cannot open shared object file')\n"),
        [CHECK, IMPORT_DET, DET],
        'torch is installed but cannot be imported: libcudart', 'pip install --force-reinstall',
    ),
    'no torch': (
        without('torch', 'torch-*'), [CHECK, IMPORT_DET, DET],
        'torch is not installed', 'torch>=2.5',
    ),
    'old torch, faked metadata': (
        fake('torch', '2.1.0', 'torch'), [CHECK, IMPORT_DET, DET],
        'torch 2.1.0 is installed, and mmsfa needs torch>=2.5', "pip install 'torch>=2.5'",
    ),
    'no numpy': (
        without('numpy', 'numpy-*', 'numpy.libs'), [CHECK, IMPORT_DET, DET],
        'numpy is not installed', 'pip install numpy',
    ),
    'old mmdet, faked metadata': (
        fake('onedl-mmdetection', '3.1.0', 'mmdet'), [CHECK, IMPORT_DET, DET],
        'onedl-mmdetection 3.1.0 is installed, and mmsfa needs onedl-mmdetection>=3.5,<4',
        "pip install 'onedl-mmdetection>=3.5,<4'",
    ),
}  # fmt: skip


# One process enters by every door, one after the other: each alone would import torch anew.
DOORS = """
import runpy, sys
for place in sys.argv[1:]:
    tool = ['tools/misc/check_env.py'] if place == 'check_env' else ['tools/train.py', place]
    sys.argv = tool
    sys.path[:] = [part for part in sys.path if part not in ('tools', 'tools/misc')]
    print('DOOR', end='', flush=True)
    try:
        if place.startswith('import'):
            exec(place)
        else:
            runpy.run_path(tool[0], run_name='__main__')
    except SystemExit as stopped:
        print('LEFT WITH', stopped.code)
    except BaseException as error:
        print('RAISED', type(error).__name__, error)
    else:
        print('WENT ON')
"""


@pytest.mark.parametrize('name', WRONG)
def test_wrong_installation_is_one_paragraph(environment, name):
    """In a throw-away environment; the name of the row says where its metadata is faked."""
    change, places, what, command = WRONG[name]
    change(environment)
    result = environment.run('-c', DOORS, *places)
    doors = result.stdout.split('DOOR')[1:]
    assert len(doors) == len(places), result.stdout + result.stderr
    for place, said in zip(places, doors, strict=True):
        paragraph = re.search(rf'{what}.* To mend it:\n    (.*)', said)
        assert paragraph and command in paragraph[1], (place, said, result.stderr)
        assert said.count('To mend it:') == 1, (place, said)
        if place == CHECK:
            assert said.endswith('LEFT WITH 1\n') and 'All is well.' not in said
        elif place.startswith('import'):
            assert re.search('^RAISED StackError ', said, re.MULTILINE), said
        else:
            assert re.search(r'^(LEFT WITH \nError: |RAISED StackError )', said, re.MULTILINE), said


VERSIONS = {
    'onedl-mmengine': ('mmengine', '0.10.4', '1.0.0'),
    'onedl-mmcv': ('mmcv', '2.2.0', '2.4.0'),
    'onedl-mmpretrain': ('mmpretrain', '1.2.0', '2.0.0'),
    'onedl-mmdetection': ('mmdet', '3.3.0', '4.0.0'),
    'onedl-mmsegmentation': ('mmseg', '1.2.2', '2.0.0'),
    'mmengine': ('mmengine', '0.9.1', '0.11.0'),
    'mmcv': ('mmcv', '2.0.1', '2.2.0'),
    'mmpretrain': ('mmpretrain', '1.1.0', '2.0.0'),
    'mmdet': ('mmdet', '3.2.0', '4.0.0'),
    'mmsegmentation': ('mmseg', '1.1.0', '2.0.0'),
}


@pytest.mark.parametrize('distribution', VERSIONS)
@pytest.mark.parametrize('age', ['too old', 'too new', 'just right'])
def test_faked_versions_of_every_mm_package(monkeypatch, capsys, repo_dir, distribution, age):
    """With faked metadata, in this process: by the check of the import and by check_env."""
    name, old, new = VERSIONS[distribution]
    allowed = compat.STACK[name][distribution]
    version = {'too old': old, 'too new': new}.get(age, re.search(r'>=([\d.]+)', allowed)[1])
    upstream = not distribution.startswith('onedl-')
    real = compat.metadata.version

    def version_of(asked):
        if asked == distribution:
            return version
        if asked in compat.STACK[name] or (upstream and asked.startswith('onedl-')):
            raise compat.metadata.PackageNotFoundError(asked)
        return (
            {'mmengine': '0.10.7', 'torch': '2.5.1'}[asked]
            if (upstream and asked in ('mmengine', 'torch'))
            else real(asked)
        )

    monkeypatch.setattr(compat.metadata, 'version', version_of)
    monkeypatch.setattr(compat.metadata, 'distributions', list)
    compat._owners_by_import_name.cache_clear()
    try:
        said = ''.join(map(str, compat.problems(name)))
        monkeypatch.setattr(sys, 'argv', ['check_env.py'])
        with pytest.raises(SystemExit) as stopped:
            runpy.run_path(str(repo_dir / 'tools/misc/check_env.py'), run_name='__main__')
    finally:
        compat._owners_by_import_name.cache_clear()
    printed = capsys.readouterr().out
    sentence = f'{distribution} {version} is installed, and mmsfa needs {distribution}{allowed}. To'
    for text in (said, printed):
        assert (sentence in text) is (age != 'just right'), text
        if age != 'just right':
            assert f"'{distribution}{allowed}'" in text.partition(sentence)[2]
    assert stopped.value.code == int(age != 'just right')


@pytest.mark.parametrize('version', ['3.8', '3.9'])
@pytest.mark.parametrize('place', ['import', 'check_env'])
def test_real_old_python_is_told(repo_dir, version, place):
    """With an old interpreter of this machine, which needs no package at all for this."""
    python = shutil.which(f'python{version}')
    env = {**os.environ, 'PYENV_VERSION': version, 'PYTHONDONTWRITEBYTECODE': '1'}
    if not python or subprocess.run([python, '-V'], env=env, capture_output=True).returncode:
        pytest.skip(f'no Python {version} here')
    env['PYTHONPATH'] = str(repo_dir)
    command = ['-c', 'import mmsfa'] if place == 'import' else ['tools/misc/check_env.py']
    result = subprocess.run(
        [python, *command], cwd=repo_dir, env=env, capture_output=True, text=True
    )
    assert result.returncode == 1 and 'SyntaxError' not in result.stderr
    said = result.stderr if place == 'import' else result.stdout
    assert re.search(
        rf'mmsfa needs Python 3\.10 or newer, and this is Python {version}\.\d+\.', said
    )
    assert 'make setup PYTHON=python3.11' in said
