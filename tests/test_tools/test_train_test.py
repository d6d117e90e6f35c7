"""tools/train.py and tools/test.py as a user runs them, on tiny data."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import cv2
import numpy as np
import pytest
import torch

DET = 'configs/det/mask_rcnn_esf_demo.py'
SEG = 'configs/seg/upernet_esf_demo.py'
LOADERS = [
    f'{split}_dataloader.{option}'
    for split in ('train', 'val', 'test')
    for option in ('num_workers=0', 'persistent_workers=False', 'batch_size=4')
]
Tool = Callable[..., CompletedProcess]


@pytest.fixture(scope='module')
def tool(run_tool: Tool, shapes_dir: Path) -> Tool:
    """Run a tool with the tiny data set; the test fails when the tool does."""

    def run(name: str, *args: object, options: tuple[str, ...] = (), ok: bool = True):
        changes = ['--cfg-options', f'data_root={shapes_dir}', *LOADERS, *options]
        done = run_tool(f'tools/{name}.py', *args, *changes, OMP_NUM_THREADS='1')
        assert (done.returncode == 0) is ok, done.stdout[-2000:] + done.stderr[-4000:]
        return done

    return run


def last_values(work_dir: Path) -> dict[str, float]:
    """What the newest run in a work dir logged at its last validation."""
    log = max(work_dir.glob('*/vis_data/scalars.json'))
    return json.loads(log.read_text().splitlines()[-1])


def values_of_test(work_dir: Path) -> dict[str, float]:
    (written,) = work_dir.glob('*/*.json')
    return json.loads(written.read_text())


def same_metrics(a: dict[str, float], b: dict[str, float]) -> bool:
    keys = [key for key in a if 'time' not in key and key != 'step']
    return len(keys) > 3 and all(a[key] == pytest.approx(b[key], abs=1e-9) for key in keys)


@pytest.fixture(scope='module')
def det_run(tool: Tool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One epoch of two iterations."""
    work_dir = tmp_path_factory.mktemp('det')
    tool(
        'train', DET, '--work-dir', work_dir,
        options=('train_cfg.max_epochs=1', 'train_cfg.val_interval=1',
                 'default_hooks.checkpoint.interval=1'),
    )  # fmt: skip
    return work_dir


@pytest.fixture(scope='module')
def seg_run(tool: Tool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two iterations in mixed precision."""
    work_dir = tmp_path_factory.mktemp('seg')
    tool(
        'train', SEG, '--work-dir', work_dir, '--amp',
        options=('train_cfg.max_iters=2', 'train_cfg.val_interval=2',
                 'default_hooks.checkpoint.interval=2'),
    )  # fmt: skip
    return work_dir


def test_a_detector_is_tested_as_it_was_validated(
    tool: Tool, det_run: Path, tmp_path: Path
) -> None:
    checkpoint, predictions = det_run / 'epoch_1.pth', tmp_path / 'predictions.pkl'
    tool(
        'test', DET, checkpoint, '--work-dir', tmp_path / 'test', '--out', predictions,
        '--show-dir', 'pictures',
    )  # fmt: skip
    validated, tested = last_values(det_run), values_of_test(tmp_path / 'test')
    assert {'coco/bbox_mAP', 'coco/segm_mAP', 'firing_rate/mean'} <= set(tested)
    assert same_metrics(validated, tested)
    assert len(pickle.loads(predictions.read_bytes())) == 4
    assert len(list((tmp_path / 'test').glob('*/pictures/*.png'))) == 4


def test_resume_continues_where_the_run_stopped(tool: Tool, det_run: Path) -> None:
    before = torch.load(det_run / 'epoch_1.pth', weights_only=False)
    done = tool(
        'train', DET, '--work-dir', det_run, '--resume', '--no-validate', '--amp',
        options=('train_cfg.max_epochs=2', 'default_hooks.checkpoint.interval=1',
                 'default_hooks.checkpoint.max_keep_ckpts=2'),
    )  # fmt: skip
    assert 'resumed epoch: 1, iter: 2' in done.stdout + done.stderr
    after = torch.load(det_run / 'epoch_2.pth', weights_only=False)
    assert before['meta']['iter'] == 2 and after['meta']['iter'] == 4
    step = {'before': before, 'after': after}
    steps = {
        name: next(iter(run['optimizer']['state'].values()))['step'].item()
        for name, run in step.items()
    }
    assert steps == {'before': 2, 'after': 4}


def test_tta_of_a_detector_gives_boxes(tool: Tool, det_run: Path, tmp_path: Path) -> None:
    tool('test', DET, det_run / 'epoch_1.pth', '--work-dir', tmp_path, '--tta')
    tested = values_of_test(tmp_path)
    assert 'coco/bbox_mAP' in tested and 'coco/segm_mAP' not in tested
    assert 'firing_rate/backbone.stages.0' in tested


def test_a_segmentor_is_tested_as_it_was_validated(
    tool: Tool, seg_run: Path, tmp_path: Path
) -> None:
    maps, pictures = tmp_path / 'maps', tmp_path / 'pictures'
    tool(
        'test', SEG, seg_run / 'iter_2.pth', '--work-dir', tmp_path / 'test', '--out', maps,
        '--show-dir', pictures,
    )  # fmt: skip
    validated, tested = last_values(seg_run), values_of_test(tmp_path / 'test')
    assert {'mIoU', 'firing_rate/decode_head'} <= set(tested)
    assert same_metrics(validated, tested)
    labels = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in maps.glob('*.png')]
    assert len(labels) == 4 and all(label.shape == (128, 128) for label in labels)
    assert len(list(pictures.rglob('*.png'))) == 4


CLS_CONFIG = """
_base_ = '{root}/configs/_base_/default_runtime_cls.py'
data_preprocessor = dict(num_classes=2, mean=[128] * 3, std=[64] * 3, to_rgb=True)
model = dict(
    type='ImageClassifier',
    backbone=dict(type='ESpikeFormer', arch='tiny', out_indices=(4,)),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=2, in_channels=128, topk=(1,)))
loader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='CustomDataset', data_prefix='{data}',
                 pipeline=[dict(type='LoadImageFromFile'), dict(type='PackInputs')]))
train_dataloader = val_dataloader = test_dataloader = loader
val_evaluator = test_evaluator = dict(type='Accuracy', topk=(1,))
train_cfg = dict(by_epoch=True, max_epochs=1, val_interval=1)
val_cfg = test_cfg = dict()
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-3))
"""


def test_a_classifier_trains_and_tests(run_tool: Tool, repo_dir: Path, tmp_path: Path) -> None:
    for label in ('dark', 'light'):
        (tmp_path / 'data' / label).mkdir(parents=True)
        for index in range(2):
            image = np.full((32, 32, 3), 60 if label == 'dark' else 190, np.uint8)
            cv2.imwrite(str(tmp_path / 'data' / label / f'{label}_{index}.png'), image)
    config = tmp_path / 'toy_cls.py'
    config.write_text(CLS_CONFIG.format(root=repo_dir, data=tmp_path / 'data'))
    run, test, out = tmp_path / 'run', tmp_path / 'test', tmp_path / 'out.pkl'
    done = run_tool('tools/train.py', config, '--work-dir', run)
    assert done.returncode == 0, done.stderr[-4000:]
    for number, args in enumerate((('--show-dir', tmp_path / 'pictures'), ('--tta',))):
        args = ('--work-dir', test / str(number), '--out', out, *args)
        done = run_tool('tools/test.py', config, run / 'epoch_1.pth', *args)
        assert done.returncode == 0, done.stderr[-4000:]
        assert 'accuracy/top1' in values_of_test(test / str(number))
        assert len(pickle.loads(out.read_bytes())) == 4
    assert len(list((tmp_path / 'pictures').iterdir())) == 4


def sentence(done: CompletedProcess) -> str:
    """What the user reads last; a traceback must not come before it."""
    assert 'Traceback' not in done.stderr, done.stderr
    return done.stderr.strip().splitlines()[-1]


def test_a_missing_data_set_is_named(tool: Tool, tmp_path: Path) -> None:
    missing = tmp_path / 'shapes'
    done = tool('train', DET, '--work-dir', tmp_path, options=(f'data_root={missing}',), ok=False)
    message = sentence(done)
    for part in (str(missing), 'make_shapes.py', '--cfg-options data_root=FOLDER'):
        assert part in message


def test_the_ann_twin_trains_with_one_option(tool: Tool, tmp_path: Path) -> None:
    tool('train', SEG, '--ann-twin', '--work-dir', tmp_path, '--no-validate',
         options=('train_cfg.max_iters=1', 'default_hooks.checkpoint.interval=1'))  # fmt: skip
    tool('test', SEG, tmp_path / 'iter_1.pth', '--ann-twin', '--work-dir', tmp_path / 'test')
    tested = values_of_test(tmp_path / 'test')
    assert 'mIoU' in tested and not any('firing_rate' in name for name in tested)


def test_resume_says_when_there_is_nothing(tool: Tool, tmp_path: Path) -> None:
    options = ('train_cfg.max_iters=1', 'default_hooks.checkpoint.interval=1',
               'auto_scale_lr.base_batch_size=2')  # fmt: skip
    done = tool(
        'train', SEG, '--work-dir', tmp_path, '--resume', '--no-validate', '--auto-scale-lr',
        options=options,
    )  # fmt: skip
    assert 'holds no checkpoint yet, so this run starts anew' in done.stdout + done.stderr
    optimizer = torch.load(tmp_path / 'iter_1.pth', weights_only=False)['optimizer']
    # a batch of 4 where the rate of 0.002 was meant for 2
    assert optimizer['param_groups'][0]['initial_lr'] == pytest.approx(0.004)


def test_resume_takes_a_path(tool: Tool, seg_run: Path, tmp_path: Path) -> None:
    tool(
        'train', SEG, '--work-dir', tmp_path, '--resume', seg_run / 'iter_2.pth', '--no-validate',
        options=('train_cfg.max_iters=3', 'default_hooks.checkpoint.interval=3'),
    )  # fmt: skip
    after = torch.load(tmp_path / 'iter_3.pth', weights_only=False)
    assert next(iter(after['optimizer']['state'].values()))['step'].item() == 3


def test_channels_that_do_not_fit_are_named(tool: Tool, tmp_path: Path) -> None:
    wrong = ('model.backbone.arch=10m',)
    done = tool('train', DET, '--work-dir', tmp_path, options=wrong, ok=False)
    assert 'model.neck.in_channels is [24, 48, 96, 128]' in sentence(done)


def test_a_launcher_that_started_nothing_is_named(tool: Tool, tmp_path: Path) -> None:
    done = tool('train', DET, '--work-dir', tmp_path, '--launcher', 'pytorch', ok=False)
    assert 'tools/dist_train.sh' in sentence(done)


@pytest.mark.parametrize(
    ('config', 'package', 'distribution'),
    [(DET, 'mmdet', 'onedl-mmdetection'), (SEG, 'mmseg', 'onedl-mmsegmentation')],
)
def test_a_missing_library_is_named(
    environment, config: str, package: str, distribution: str
) -> None:
    environment.remove(package, f'{distribution.replace("-", "_")}-*')
    done = environment.run('tools/train.py', config)
    assert done.returncode == 1
    assert f'{package} cannot be imported: it is not installed.' in done.stderr
    assert f"pip install '{distribution}" in sentence(done)


def test_scaling_the_rate_needs_a_base_batch_size(tool: Tool, tmp_path: Path) -> None:
    done = tool(
        'train', DET, '--work-dir', tmp_path, '--auto-scale-lr',
        options=('auto_scale_lr=None',), ok=False,
    )  # fmt: skip
    assert 'base_batch_size=N' in sentence(done)


def test_a_checkpoint_with_code_is_refused_unless_trusted(
    tool: Tool, det_run: Path, tmp_path: Path, runs_code: object, marker: Path
) -> None:
    evil = tmp_path / 'evil.pth'
    checkpoint = torch.load(det_run / 'epoch_1.pth', weights_only=False)
    torch.save({**checkpoint, 'extra': runs_code}, evil)
    done = tool('test', DET, evil, '--work-dir', tmp_path / 'test', ok=False)
    assert '--trust-checkpoint' in sentence(done) and str(evil) in sentence(done)
    assert not marker.exists()
    tool('test', DET, evil, '--work-dir', tmp_path / 'test', '--trust-checkpoint')
    assert marker.exists()
