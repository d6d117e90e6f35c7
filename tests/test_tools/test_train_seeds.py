"""train_seeds.py: real short trainings; what is finished is left alone, what fails is named."""

from __future__ import annotations

import json
import re

import pytest

TOOL = 'tools/analysis_tools/train_seeds.py'
CONFIG = 'configs/seg/upernet_esf_demo.py'


@pytest.fixture
def options(shapes_dir):
    """Two iterations on a few pictures."""
    return [
        f'data_root={shapes_dir}',
        'train_cfg.max_iters=2',
        'train_cfg.val_interval=2',
        'param_scheduler=None',
        'train_dataloader.batch_size=2',
        'train_dataloader.num_workers=0',
        'train_dataloader.persistent_workers=False',
        'val_dataloader.num_workers=0',
        'val_dataloader.persistent_workers=False',
    ]


def test_mean_and_spread_of_seeds_and_twins(run_python, options, tmp_path):
    common = [TOOL, CONFIG, '--seeds', 3, 4, '--twin', '--jobs', 2, '--work-dir', tmp_path]
    result = run_python(*common, '--metrics', 'mIoU', '--cfg-options', *options)
    assert result.returncode == 0, result.stderr
    kinds = {kind: [] for kind in ('spiking', 'twin')}
    for kind, found in kinds.items():
        for seed in (3, 4):
            found.append(json.loads((tmp_path / f'{kind}_seed{seed}/seed_result.json').read_text()))
    for found in kinds.values():
        values = [one['mIoU'] for one in found]
        shown = [f'{x:.{1 if max(values) >= 10 else 3}f}' for x in values]
        low, high = sorted(shown, key=float)
        assert f'({low} to {high})' in result.stdout
    first, second = (one['firing_rate/mean'] for one in kinds['spiking'])
    assert first != second, 'the seeds differ; their mIoU may be the same after two iterations'
    assert 'firing_rate/mean' not in kinds['twin'][0]

    # again: one run is gone, one was stopped before its result was written, two are finished
    (tmp_path / 'spiking_seed3/seed_result.json').unlink()
    logs = {path: path.stat().st_size for path in tmp_path.glob('*/printed.log')}
    again = run_python(*common, '--metrics', 'mIoU', '--cfg-options', *options)
    assert again.returncode == 0, again.stderr
    grown = [path.parent.name for path, size in logs.items() if path.stat().st_size > size]
    assert grown == ['spiking_seed3']
    table = re.findall(r'mIoU .*', result.stdout)
    assert re.findall(r'mIoU .*', again.stdout) == table


def test_a_training_that_fails_is_named(run_python, tmp_path):
    result = run_python(
        TOOL, CONFIG, '--seeds', 0, '--work-dir', tmp_path, '--cfg-options', 'data_root=nowhere'
    )
    assert result.returncode == 1 and 'Traceback' not in result.stderr
    assert re.search(r'Error: .*tools/train.py .* exit code 1: .*printed.log', result.stderr)
    assert 'nowhere' in (tmp_path / 'spiking_seed0/printed.log').read_text()
