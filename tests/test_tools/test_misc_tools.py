"""The small tools, run as a user runs them."""

import importlib.util
import json
import os
from pathlib import Path

import pytest

CHECK_ENV = 'tools/misc/check_env.py'
PRINT_CONFIG = 'tools/misc/print_config.py'


def test_check_env_is_content_here(run_python):
    result = run_python(CHECK_ENV)
    assert result.returncode == 0, result.stdout + result.stderr
    assert 'All is well.' in result.stdout
    for shown in ('torchvision', 'onedl-mmdetection', 'compiled mmcv operators', 'GPU'):
        assert shown in result.stdout


def test_check_env_names_missing_operators_and_tasks_matter(environment):
    environment.remove('mmcv/_ext*')
    result = environment.run(CHECK_ENV)
    assert result.returncode == 1, result.stdout + result.stderr
    assert 'no compiled operators' in result.stdout and '--no-build-isolation' in result.stdout
    assert environment.run(CHECK_ENV, '--tasks', 'seg').returncode == 0


def test_check_env_works_where_importing_mmsfa_is_refused(environment):
    environment.remove('mmcv', 'onedl_mmcv-*', 'rich', 'mmseg', 'onedl_mmsegmentation-*')
    environment.add_metadata('mmengine', '0.10.7', 'mmengine')
    result = environment.run(CHECK_ENV)
    assert result.returncode == 1
    assert 'Traceback' not in result.stderr
    assert result.stdout.count('To mend it:') == 3, result.stdout


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / 'base.py').write_text("model = dict(type='Net', depth=3)\n")
    path = tmp_path / 'net.py'
    path.write_text("_base_ = 'base.py'\nmodel = dict(width=5)\n")
    return path


def test_print_config_merges_overrides_and_saves(run_python, config):
    saved = config.parent / 'new' / 'whole.json'
    options = ('--cfg-options', 'model.depth=7', '--save-path', saved)
    result = run_python(PRINT_CONFIG, config, *options)
    assert result.returncode == 0, result.stderr
    assert "model = dict(depth=7, type='Net', width=5)" in result.stdout
    assert json.loads(saved.read_text())['model'] == {'type': 'Net', 'depth': 7, 'width': 5}


def test_print_config_refuses_a_strange_suffix(run_python, config):
    result = run_python(PRINT_CONFIG, config, '--save-path', 'whole.txt')
    assert result.returncode == 2
    assert 'must end in .py, .json, .yml or .yaml, got whole.txt' in result.stderr


@pytest.fixture(scope='module')
def demo(repo_dir):
    spec = importlib.util.spec_from_file_location('demo', repo_dir / 'tools/misc/demo.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_demo_reads_the_figures_of_its_own_test_only(demo, tmp_path):
    for stamp, value, time in (('20260101_000000', 0.1, 1000), ('20260102_000000', 0.7, 2000)):
        file = tmp_path / stamp / f'{stamp}.json'
        file.parent.mkdir()
        file.write_text(json.dumps({'coco/segm_mAP_50': value}))
        os.utime(file, (time, time))
    assert demo.newest_metrics(tmp_path, since=1500) == {'coco/segm_mAP_50': 0.7}
    with pytest.raises(FileNotFoundError, match=r'expected .*json from tools/test.py, found none'):
        demo.newest_metrics(tmp_path, since=3000)


def test_demo_stops_with_the_exit_code_of_a_failed_step(demo):
    with pytest.raises(SystemExit) as stopped:
        demo.run('Failing', '-c', 'raise SystemExit(7)')
    assert stopped.value.code == 7
