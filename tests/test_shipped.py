"""Shipped configs are found from any folder, in a clone and in a wheel, also as a base."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import pytest
from mmengine.config import Config

from mmsfa import shipped
from mmsfa.shipped import find_config, shipped_configs

DEMO = 'configs/det/mask_rcnn_esf_demo.py'
SPELLINGS = [DEMO, 'det/mask_rcnn_esf_demo.py', 'mmsfa::det/mask_rcnn_esf_demo.py']


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that we are in."""
    folder = tmp_path / 'elsewhere'
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize('name', [*SPELLINGS, f'mmsfa::{DEMO}'])
def test_a_shipped_config_is_found_from_any_folder(elsewhere, repo_dir: Path, name: str) -> None:
    assert find_config(name) == repo_dir / DEMO


def test_the_users_own_file_comes_first(elsewhere: Path, repo_dir: Path) -> None:
    own = elsewhere / DEMO
    own.parent.mkdir(parents=True)
    own.write_text('mine = True\n')
    assert find_config(DEMO) == Path(DEMO)  # as it was given
    assert find_config(f'mmsfa::{DEMO}') == repo_dir / DEMO


@pytest.mark.parametrize(
    ('name', 'near'),
    [
        ('configs/det/mask_rcn_esf_demo.py', DEMO),
        ('mask_rcnn_esf_demo.py', DEMO),
        ('mmsfa::seg/mask_rcnn_esf_demo', DEMO),
        ('configs/seg', 'configs/seg/fpn_esf.py'),
        ('configs/_base_/models/mask_rcnn_es.py', 'configs/_base_/models/mask_rcnn_esf.py'),
    ],
)
def test_the_error_names_what_is_near(elsewhere, name: str, near: str) -> None:
    with pytest.raises(FileNotFoundError, match=f'The config {name} does not exist.*{near}'):
        find_config(name)


def test_the_error_for_a_name_like_no_other(elsewhere) -> None:
    with pytest.raises(FileNotFoundError, match='`mmsfa configs` lists the shipped ones'):
        find_config('my_own_thing.py')


def test_the_list_of_configs(repo_dir: Path) -> None:
    names, with_bases = shipped_configs(), shipped_configs(bases=True)
    assert DEMO in names and 'configs/cls/teachers/resnet18_flowers5.py' in names
    assert set(names) < set(with_bases)
    assert len(with_bases) == len(list((repo_dir / 'configs').rglob('*.py')))


def test_those_of_a_wheel(elsewhere: Path, repo_dir: Path) -> None:
    """Its file is loaded by its path, as the command does."""
    package = elsewhere / 'site-packages' / 'mmsfa'
    shutil.copytree(repo_dir / 'configs', package / '.mim' / 'configs')
    shutil.copy(shipped.__file__, package)
    (elsewhere / 'site-packages' / 'configs').mkdir()  # of a careless package
    installed = runpy.run_path(str(package / 'shipped.py'))
    assert installed['find_config'](DEMO) == package / '.mim' / DEMO
    assert installed['shipped_configs']() == shipped_configs()


@pytest.mark.tools
def test_it_is_loaded_without_torch(run_python) -> None:
    code = f'import runpy, sys; runpy.run_path({shipped.__file__!r}); print(*sys.modules)'
    loaded = run_python('-c', code).stdout.split()
    assert 'difflib' in loaded and not {'torch', 'mmengine', 'mmsfa'} & set(loaded)


def test_a_config_inherits_a_shipped_one_as_by_its_path(elsewhere: Path, repo_dir: Path) -> None:
    """Its types get no scope `mmsfa`: they are mmdet's."""
    shipped.register()
    change = (
        'optim_wrapper = dict(optimizer=dict(lr=1.0))\n'
        'backbone = _base_.model.backbone\n'
        'param_scheduler = _base_.param_scheduler[:1]\n'
    )
    Path('by_name.py').write_text(f"_base_ = ['mmsfa::det/mask_rcnn_esf_demo.py']\n{change}")
    Path('by_path.py').write_text(f"_base_ = ['{repo_dir / DEMO}']\n{change}")
    by_name, by_path = Config.fromfile('by_name.py'), Config.fromfile('by_path.py')
    assert by_name.optim_wrapper.optimizer.lr == 1.0 and len(by_name.param_scheduler) == 1
    assert by_name.to_dict() == by_path.to_dict()


@pytest.mark.parametrize(
    'base',
    [
        'mmdet::_base_/models/mask-rcnn_r50_fpn.py',
        'mmseg::_base_/models/upernet_r50.py',
        'mmseg::upernet/upernet_r50_4xb2-40k_cityscapes-512x1024.py',
        'mmpretrain::_base_/models/resnet50.py',
    ],
)
def test_bases_of_other_packages_are_found_and_keep_their_scope(elsewhere: Path, base: str) -> None:
    """By upstream's names of packages as by those of OneDL."""
    shipped.register()
    Path('mine.py').write_text(f'_base_ = {base!r}\n')
    assert Config.fromfile('mine.py').model['_scope_'] == base.partition('::')[0]


def test_a_base_that_is_not_there(elsewhere: Path) -> None:
    shipped.register()
    Path('mine.py').write_text("_base_ = 'mmsfa::det/mask_rcn_esf_demo.py'\n")
    with pytest.raises(FileNotFoundError, match=f'Near it are .*{DEMO}'):
        Config.fromfile('mine.py')


def test_registering_twice_changes_nothing() -> None:
    shipped.register()
    before = Config._get_cfg_path
    shipped.register()
    assert Config._get_cfg_path is before
