"""tools/train.py and tools/test.py refuse faulty sets before the first batch."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmsfa.apis.trained_model import build_model
from tests.helpers.demo_configs import DET, SEG
from tests.helpers.faulty_shapes import faulty_shapes


@pytest.fixture
def faulty(shapes_dir: Path, tmp_path: Path) -> Path:
    return faulty_shapes(shapes_dir, tmp_path / 'shapes')


def run(run_tool: Callable, tool: str, config: str, root: Path, work_dir: Path, *args: object):
    changes = [f'data_root={root}', 'train_cfg.val_interval=1']
    for split in ('train', 'val', 'test'):
        changes += [f'{split}_dataloader.num_workers=0',
                    f'{split}_dataloader.persistent_workers=False']  # fmt: skip
    args = (f'tools/{tool}.py', config, *args, '--work-dir', work_dir, '--cfg-options', *changes)
    return run_tool(*args, OMP_NUM_THREADS='1')


def test_training_stops_before_the_first_iteration(
    run_tool: Callable, faulty: Path, tmp_path: Path
) -> None:
    done = run(run_tool, 'train', DET, faulty, tmp_path / 'run')
    printed = done.stdout + done.stderr
    assert done.returncode == 1 and 'Traceback' not in printed, printed[-3000:]
    assert 'Error: 4 files of the validation set cannot be read' in printed
    for name, what in (
        ('000000', 'missing'),
        ('000001', 'empty'),
        ('000002', 'no picture'),
        ('000003', 'truncated'),
    ):
        assert f'{faulty}/images/validation/{name}.png: {what}' in printed
    assert 'The annotations of 2 training pictures have faults' in printed
    assert 'Epoch(train)' not in printed and not list((tmp_path / 'run').glob('*.pth'))
    (listed,) = (tmp_path / 'run').glob('*/data_faults.txt')
    splits = [line.split('\t')[0] for line in listed.read_text().splitlines()]
    assert splits == ['training'] * 2 + ['validation'] * 4


def test_a_test_stops_before_the_first_batch(
    run_tool: Callable, repo_dir: Path, shapes_dir: Path, tmp_path: Path
) -> None:
    root, checkpoint = tmp_path / 'shapes', tmp_path / 'empty.pth'
    shutil.copytree(shapes_dir, root)
    label_map = root / 'annotations/validation/000002.png'
    label_map.write_bytes(label_map.read_bytes()[:-30])
    model = build_model(Config.fromfile(repo_dir / SEG))
    torch.save(dict(state_dict=model.state_dict()), checkpoint)
    done = run(run_tool, 'test', SEG, root, tmp_path / 'run', checkpoint)
    printed = done.stdout + done.stderr
    assert done.returncode == 1 and 'Traceback' not in printed, printed[-3000:]
    assert 'Error: 1 file of the test set cannot be read' in printed
    assert f'{label_map}: truncated' in printed and 'Iter(test)' not in printed


def test_classes_that_the_file_does_not_have_stop_a_training(
    run_tool: Callable, shapes_dir: Path, tmp_path: Path
) -> None:
    work_dir, names = tmp_path / 'run', "('circle','sqare','triangle')"
    done = run_tool(
        'tools/train.py', DET, '--work-dir', work_dir, '--cfg-options', f'data_root={shapes_dir}',
        f'train_dataloader.dataset.metainfo.classes={names}',
    )  # fmt: skip
    printed = done.stdout + done.stderr
    assert done.returncode == 1 and 'Traceback' not in printed, printed[-3000:]
    assert "instances_train.json: has no category 'sqare': 'sqare' is nearest to its 'square'" in (
        ' '.join(printed.split())
    )
