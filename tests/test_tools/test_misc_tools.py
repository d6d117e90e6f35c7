"""The small tools, run as a user runs them."""

import importlib.util
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

CHECK_ENV = 'tools/misc/check_env.py'
PRINT_CONFIG = 'tools/misc/print_config.py'


def test_check_env_is_content_here(run_tool):
    result = run_tool(CHECK_ENV)
    assert result.returncode == 0, result.stdout + result.stderr
    assert 'All is well.' in result.stdout
    for shown in ('torchvision', 'onedl-mmdetection', 'operators of mmcv', 'GPU'):
        assert shown in result.stdout


def test_check_env_says_whose_operators_run(environment):
    environment.remove('mmcv/_ext*')
    result = environment.run(CHECK_ENV)
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r'operators of mmcv .*(torchvision|plain torch) \(mmsfa\.ops\)', result.stdout)


def test_check_env_judges_only_the_tasks_that_are_asked_for(environment):
    environment.remove('mmdet', 'onedl_mmdetection-*')
    assert environment.run(CHECK_ENV).returncode == 1
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


def test_print_config_shows_what_the_tools_would_use(run_tool):
    options = ('--cfg-options', 'data_root=elsewhere/', 'pretrained=esf.pth')
    result = run_tool(PRINT_CONFIG, 'configs/det/mask_rcnn_esf.py', *options)
    assert result.returncode == 0, result.stderr
    assert "ann_file='elsewhere/annotations/instances_val2017.json'" in result.stdout
    assert "checkpoint='esf.pth'" in result.stdout


def test_a_mistyped_config_is_named(run_tool):
    result = run_tool(PRINT_CONFIG, 'configs/det/mask_rcnn.py')
    assert result.returncode == 1 and 'Traceback' not in result.stderr
    assert 'The config configs/det/mask_rcnn.py does not exist' in result.stderr


def test_print_config_refuses_a_strange_suffix(run_tool, config):
    result = run_tool(PRINT_CONFIG, config, '--save-path', 'whole.txt')
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


def test_demo_ends_with_a_summary(run_python, tmp_path: Path):
    """The whole chain on a few pictures; whether it learns is for `make demo` to say."""
    result = run_python(
        'tools/misc/demo.py', '--work-dir', tmp_path / 'run', '--data-dir', tmp_path / 'shapes',
        '--num-train', 8, '--num-val', 4, '--cfg-options', 'train_cfg.max_epochs=1',
        'default_hooks.checkpoint.interval=1', 'train_dataloader.num_workers=0',
        'train_dataloader.persistent_workers=False', 'model.backbone.arch.depths=[1,0,0,1,0]',
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    summary = result.stdout.split('Summary')[-1]
    for row in (
        'box AP',
        'mask AP',
        'mean firing rate',
        'energy for',
        '(4 files)',
        'epoch_1.pth',
        'minutes',
    ):
        assert row in summary, summary
    assert 'not reported' not in summary


@pytest.mark.parametrize('version', ['3.9', '3.14'])
def test_setup_refuses_other_pythons(repo_dir: Path, tmp_path: Path, version: str):
    fake = tmp_path / 'python'
    fake.write_text(f'#!/bin/sh\n[ "$1" = -V ] && echo "Python {version}.0" || exit 1\n')
    fake.chmod(0o755)
    result = subprocess.run(
        ['bash', repo_dir / 'tools/misc/setup_env.sh', tmp_path / 'venv'],
        env={**os.environ, 'PYTHON': str(fake)}, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 1
    assert f"mmsfa needs Python 3.10 to 3.13, and '{fake}' is Python {version}.0" in result.stderr
