"""AtomicCheckpointHook beside mmengine's own, and when a save fails in the middle."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmsfa.checkpoint.saving import (
    AtomicLocalBackend,
    CheckpointWriteError,
    NoResumableCheckpointError,
)


def files(work_dir: Path) -> set[str]:
    return {
        path.name
        for path in work_dir.iterdir()
        if path.suffix in ('', '.pth', '.partial') and path.is_file()
    }


def iteration(path: Path) -> int:
    return torch.load(path, weights_only=False)['meta']['iter']


OPTIONS = {
    'plain': dict(),
    'keep one': dict(max_keep_ckpts=1),
    'keep two, best': dict(max_keep_ckpts=2, save_best='acc', rule='greater'),
    'two bests': dict(save_best=['acc', 'aux'], rule='greater', max_keep_ckpts=1),
    'late and rare': dict(interval=2, save_begin=1, max_keep_ckpts=1),
    'no last': dict(interval=2, save_last=False),
    'by iteration': dict(by_epoch=False, max_keep_ckpts=2),
    'own name': dict(filename_tmpl='mine_{}.pth', max_keep_ckpts=2),
    'published': dict(published_keys=['meta', 'state_dict'], max_keep_ckpts=1),
    'not resumable': dict(save_optimizer=False, save_param_scheduler=False),
}


@pytest.mark.parametrize('option', OPTIONS)
def test_it_leaves_what_the_stock_hook_leaves(
    tmp_path: Path, toy_runner: Callable, option: str
) -> None:
    left = {}
    for hook in ('CheckpointHook', 'AtomicCheckpointHook'):
        work_dir = tmp_path / hook
        torch.manual_seed(0)
        toy_runner(work_dir, epochs=3, val=True, type=hook, **OPTIONS[option]).train()
        names = {name for name in files(work_dir) if '-' not in name}  # a hash, of the time too
        published = sum('-' in name for name in files(work_dir))
        pointer = (work_dir / 'last_checkpoint').read_text()
        newest = torch.load(pointer, weights_only=False)
        hub = newest['message_hub']['runtime_info']
        kept = hub.get('keep_ckpt_ids', [])[-max(OPTIONS[option].get('max_keep_ckpts', 0), 0) :]
        best = Path(hub.get('best_ckpt', '')).name
        left[hook] = names, published, Path(pointer).name, set(newest), kept, best
    assert left['AtomicCheckpointHook'] == left['CheckpointHook']
    assert 'last_checkpoint' in left['CheckpointHook'][0]


class FailingDisk:
    """Every write fails that `fails` picks, after half of the data."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fails: Callable[[str], bool]) -> None:
        real = os.fsync

        def fsync(handle: int) -> None:
            name = os.path.basename(os.readlink(f'/proc/self/fd/{handle}'))
            if fails(name):
                raise OSError(errno.EIO, 'Input/output error')
            real(handle)

        monkeypatch.setattr(os, 'fsync', fsync)


def test_a_failing_save_costs_neither_the_last_nor_the_best(
    tmp_path: Path, toy_runner: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = dict(max_keep_ckpts=1, save_best='acc', rule='greater')
    for what, iterations in (('.epoch_3', 2), ('.best_acc_epoch_3', 3)):
        work_dir = tmp_path / what[1:]
        with monkeypatch.context() as patch:
            FailingDisk(patch, lambda name, what=what: name.startswith(what))
            with pytest.raises(CheckpointWriteError, match='Input/output error'):
                toy_runner(work_dir, epochs=4, val=True, **options).train()
        pointed = Path((work_dir / 'last_checkpoint').read_text())
        assert iteration(pointed) == iterations
        assert (work_dir / 'best_acc_epoch_2.pth').exists()
        assert not list(work_dir.glob('*.partial'))
        again = toy_runner(work_dir, epochs=4, val=True, resume=True, **options)
        again.train()
        assert iteration(work_dir / 'epoch_4.pth') == 4
        assert {name for name in files(work_dir) if name.startswith('epoch')} == {'epoch_4.pth'}


def test_a_kill_before_the_deletion_leaves_nothing_behind_for_ever(
    tmp_path: Path, toy_runner: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = dict(max_keep_ckpts=1)
    with monkeypatch.context() as patch:

        def stop(self: AtomicLocalBackend, path: str) -> None:
            raise KeyboardInterrupt

        patch.setattr(AtomicLocalBackend, 'remove', stop)
        with pytest.raises(KeyboardInterrupt):
            toy_runner(tmp_path, epochs=4, **options).train()
    assert {'epoch_1.pth', 'epoch_2.pth'} <= files(tmp_path)
    (tmp_path / '.epoch_9.pth.123.partial').write_text('of a killed run')
    toy_runner(tmp_path, epochs=4, resume=True, **options).train()
    assert files(tmp_path) == {'epoch_4.pth', 'last_checkpoint'}


def test_nothing_is_deleted_before_the_first_save(tmp_path: Path, toy_runner: Callable) -> None:
    toy_runner(tmp_path, epochs=3, max_keep_ckpts=3).train()
    seen = []

    class Look(Hook):
        def before_train_epoch(self, runner: Runner) -> None:
            seen.append(files(tmp_path))

    toy_runner(tmp_path, epochs=4, max_keep_ckpts=1, resume=True, hooks=[Look()]).train()
    assert {'epoch_1.pth', 'epoch_2.pth', 'epoch_3.pth'} <= seen[0]
    assert files(tmp_path) == {'epoch_4.pth', 'last_checkpoint'}


def test_a_run_goes_on_from_the_last_good_one(
    tmp_path: Path, toy_runner: Callable, net: type, warnings: list[str]
) -> None:
    toy_runner(tmp_path, epochs=3, type='CheckpointHook').train()  # of the stock hook
    os.truncate(tmp_path / 'epoch_3.pth', 200)
    runner = toy_runner(tmp_path, epochs=4, resume=True)
    runner.train()
    assert runner._load_from == str(tmp_path / 'epoch_2.pth') and len(warnings) == 1
    assert iteration(tmp_path / 'epoch_3.pth') == 3 and iteration(tmp_path / 'epoch_4.pth') == 4
    before = (tmp_path / 'epoch_4.pth').read_bytes()
    with pytest.raises(NoResumableCheckpointError, match='belongs to another model'):
        toy_runner(tmp_path, epochs=5, model=net(width=4), resume=True).train()
    assert (tmp_path / 'epoch_4.pth').read_bytes() == before


def test_a_path_stays_strict(tmp_path: Path, toy_runner: Callable) -> None:
    toy_runner(tmp_path, epochs=2).train()
    os.truncate(tmp_path / 'epoch_2.pth', 200)
    with pytest.raises(RuntimeError, match=r'epoch_2\.pth is no checkpoint, or it is damaged'):
        toy_runner(tmp_path, epochs=3, resume=True, load_from=str(tmp_path / 'epoch_2.pth')).train()


def test_hooks_may_gather_before_a_save_to_resume_from(
    tmp_path: Path, toy_runner: Callable
) -> None:
    told = []

    class Gather(Hook):
        def before_collective_save(self, runner: Runner) -> None:
            told.append('gather')

        def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
            told.append('resumable' if 'optimizer' in checkpoint else 'best')

    toy_runner(
        tmp_path, epochs=1, val=True, save_best='acc', rule='greater', hooks=[Gather()]
    ).train()
    assert told == ['gather', 'resumable', 'best', 'gather', 'resumable']


def test_a_storage_that_the_user_names_is_used(tmp_path: Path, toy_runner: Callable) -> None:
    for given, used in (
        (dict(backend='local'), 'AtomicLocalBackend'),
        (None, 'AtomicLocalBackend'),
        (dict(backend='petrel', path_mapping={}), None),
    ):
        runner = toy_runner(tmp_path, epochs=1, backend_args=given)
        (hook,) = (hook for hook in runner.hooks if hasattr(hook, 'save_best'))
        if used is None:  # its client is not installed, which is how we know
            with pytest.raises((ImportError, TypeError)):
                runner.train()
        else:
            runner.train()
            assert hook.file_backend.name == used


@pytest.mark.parametrize(
    ('key', 'values', 'epoch'),
    [
        ('coco/bbox_mAP', [-1.0, 0.0, -1.0], 2),
        ('auto', [float('nan'), 1.0, float('inf')], 2),
        ('coco/bbox_mAP', [-1.0, -1.0, -1.0], None),
        ('acc', ['good', [1.0], 3.0], 3),
        ('r2', [-1.0, -2.0, -3.0], 1),  # no COCO: -1 is a number
    ],
)
def test_what_measured_nothing_is_never_the_best(
    tmp_path: Path,
    toy_runner: Callable,
    logged: list[str],
    key: str,
    values: list,
    epoch: int | None,
) -> None:
    name = 'acc' if key == 'auto' else key
    options = dict(save_best=key) | ({} if key == 'auto' else dict(rule='greater'))
    runner = toy_runner(tmp_path, epochs=3, val=True, **options)
    measured = iter(values)
    metric = runner.val_evaluator.metrics[0]
    metric.compute_metrics = lambda results: {name: next(measured)}
    runner.train()
    written = [path.name for path in tmp_path.rglob('best_*.pth')]
    assert written == (
        [] if epoch is None else [f'best_{name.replace("/", "_")}_epoch_{epoch}.pth']
    )
    said = [line for line in logged if f'save_best goes by {name}, which is' in line]
    assert bool(said) == (key != 'r2')
