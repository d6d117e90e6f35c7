"""What a validation could not measure is said once, and makes no checkpoint the best one."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from mmseg.evaluation import IoUMetric
from torch import nn
from torch.multiprocessing import start_processes

from mmsfa.engine import MetricCheckHook


class Maps(list):
    """Label maps, one row each."""

    metainfo = dict(classes=('sky', 'road', 'car'))


class Flat(BaseModel):
    """Calls every pixel by one class."""

    def __init__(self, label: int) -> None:
        super().__init__()
        self.label, self.weight = label, nn.Parameter(torch.ones(1))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        if mode == 'loss':
            return dict(loss=self.weight.sum())
        maps = torch.stack(inputs)
        return [
            dict(pred_sem_seg=dict(data=torch.full_like(one, self.label)),
                 gt_sem_seg=dict(data=one))
            for one in maps
        ]  # fmt: skip


def run(folder: Path, maps: list[list[int]], label: int = 0, **metric: object) -> MetricCheckHook:
    """Train two epochs and validate after each, with ``save_best='mIoU'``."""
    data = Maps(dict(inputs=torch.tensor([row])) for row in maps)
    loader = dict(dataset=data, batch_size=1, sampler=dict(type='DefaultSampler', shuffle=False))
    name = f'{metric["prefix"]}/mIoU' if 'prefix' in metric else 'mIoU'
    runner = Runner(
        model=Flat(label),
        work_dir=str(folder),
        train_dataloader=loader,
        train_cfg=dict(by_epoch=True, max_epochs=2),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        val_dataloader=loader,
        val_cfg=dict(),
        val_evaluator=dict(type=IoUMetric, **metric),
        default_hooks=dict(
            checkpoint=dict(
                type='AtomicCheckpointHook', interval=1, save_best=name, rule='greater'
            ),
            metric_check=dict(type='MetricCheckHook'),
        ),
        experiment_name=f'{folder.name}_{time.monotonic_ns()}',
    )
    runner.train()
    return next(hook for hook in runner.hooks if isinstance(hook, MetricCheckHook))


def best(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob('best_*.pth'))


def test_a_validation_set_with_every_class(tmp_path: Path, logged: list[str]) -> None:
    hook = run(tmp_path, [[0, 0, 1], [2, 255, 0]])
    assert best(tmp_path) == ['best_mIoU_epoch_1.pth'] and not hook.trivial
    assert not [line for line in logged if 'classes' in line or 'measure' in line]


def test_a_mean_without_some_classes_names_them(tmp_path: Path, logged: list[str]) -> None:
    run(tmp_path, [[0, 0, 1], [1, 255, 0]])
    assert best(tmp_path)  # a small set may lack a class
    (line,) = [line for line in logged if 'classes' in line]  # once, after two validations
    assert line.startswith('No label map of the validation set shows 1 of the classes (car): mIoU')


@pytest.mark.parametrize('metric', [dict(), dict(prefix='seg'), dict(nan_to_num=0)])
def test_masks_of_0_and_255_make_no_best_checkpoint(
    tmp_path: Path, logged: list[str], metric: dict
) -> None:
    hook = run(tmp_path, [[0, 255, 0], [255, 255, 0]], **metric)
    prefix = 'seg/' if metric.get('prefix') else ''
    assert hook.trivial == {f'{prefix}{name}' for name in ('aAcc', 'mIoU', 'mAcc')}
    assert not best(tmp_path) and len(list(tmp_path.glob('epoch_*.pth'))) == 2
    (line,) = [line for line in logged if 'show no other class than sky' in line]
    assert 'write 1 instead' in line
    assert any('No checkpoint becomes the best one now' in line for line in logged)


def test_nothing_but_ignored_pixels(tmp_path: Path, logged: list[str]) -> None:
    run(tmp_path, [[255, 255], [255, 255]])
    assert not best(tmp_path)
    (line,) = [line for line in logged if 'nothing to measure' in line]
    assert 'aAcc, mIoU, mAcc by (nan)' in line


def test_minus_one_of_coco_is_said_once(logged: list[str]) -> None:
    hook, runner = MetricCheckHook(), SimpleNamespace()
    hook.after_test_epoch(runner, {'coco/segm_mAP': 0.3, 'coco/segm_mAP_l': -1.0, 'r': [1]})
    assert not [line for line in logged if 'nothing to measure' in line], 'no large thing is there'
    for _ in range(2):
        hook.after_test_epoch(runner, {'coco/bbox_mAP': -1.0, 'coco/AR_s@1000': -1.0, 'r': [1]})
        hook.after_val_epoch(runner, None)
    (line,) = [line for line in logged if 'nothing to measure' in line]
    assert line.startswith('The test set has nothing to measure coco/bbox_mAP by (-1.0)')


def one_rank(rank: int, folder: str) -> None:
    """Of two processes, each has one class in its label maps."""
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/meet', rank=rank, world_size=2
    )
    metric, areas = IoUMetric(), torch.zeros(3)
    areas[rank] = 5
    metric.dataset_meta = Maps.metainfo
    metric.results = [(areas, areas, areas, areas)]
    evaluator = SimpleNamespace(metrics=[metric])
    loop = SimpleNamespace(dataloader=[None], evaluator=evaluator)
    hook = MetricCheckHook()
    said: list[str] = []
    hook._say = said.append
    hook.after_val_iter(SimpleNamespace(val_loop=loop), 0)
    hook.after_val_epoch(SimpleNamespace(), dict(mIoU=100.0))
    torch.save((said, hook.trivial), f'{folder}/{rank}.pth')
    torch.distributed.destroy_process_group()


def test_two_processes_count_together(tmp_path: Path) -> None:
    # Forked: a fresh Python could not import this module by its name.
    start_processes(one_rank, (str(tmp_path),), nprocs=2, start_method='fork')
    for rank in (0, 1):
        (line,), trivial = torch.load(tmp_path / f'{rank}.pth')
        assert line.startswith('No label map of the validation set shows 1 of the classes (car)')
        assert trivial == set(), 'two classes are there, one in each process'


def test_loops_of_ones_own_are_left_alone() -> None:
    hook = MetricCheckHook()
    for loop in (None, SimpleNamespace(dataloader=iter([])), SimpleNamespace(dataloader=[1])):
        hook.after_val_iter(SimpleNamespace(val_loop=loop), 0)
        hook.after_test_iter(SimpleNamespace(test_loop=loop), 0)
    assert HOOKS.get('MetricCheckHook') is MetricCheckHook
