"""What the hook keeps in a checkpoint, and what it says when a resume cannot be exact."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmengine.model import BaseModel
from mmengine.registry import METRICS
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.utils.data import Dataset

import mmsfa.engine  # noqa: F401  registers
from mmsfa.engine.safe_checkpoint import safe_load


class Numbers(Dataset):
    """Each sample is its index and a random augmentation."""

    metainfo: dict = {}

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return dict(inputs=torch.tensor([index, np.random.rand(), random.random()]).float())


class Toy(BaseModel):
    """A linear layer behind a dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 1)

    def forward(self, inputs: list[Tensor], mode: str = 'tensor') -> dict | Tensor:
        out = self.layer(nn.functional.dropout(torch.stack(list(inputs)), 0.5, self.training))
        return dict(loss=out.square().mean()) if mode == 'loss' else out


class Draws(BaseMetric):
    """A validation that draws random numbers itself."""

    def process(self, data_batch: object, data_samples: object) -> None:
        random.random(), np.random.rand(), torch.rand(1)
        self.results.append(1)

    def compute_metrics(self, results: list) -> dict:
        return dict(drawn=len(results))


METRICS.register_module(module=Draws, force=True)


def runner(
    folder: Path, loop: dict, batch_size: int = 2, validate: bool = True, resume: bool = False,
    accumulative_counts: int = 1, seed: int = 0, **checkpoint: object,
) -> Runner:  # fmt: skip
    loader = dict(dataset=Numbers(), sampler=dict(type='DefaultSampler', shuffle=True))
    val = dict(
        val_cfg=dict(),
        val_dataloader=dict(**loader, batch_size=4),
        val_evaluator=dict(type='Draws'),
    )
    torch.manual_seed(9)  # of the model's first weights
    return Runner(
        Toy(), str(folder), train_cfg=loop, train_dataloader=dict(**loader, batch_size=batch_size),
        optim_wrapper=dict(
            optimizer=dict(type='SGD', lr=0.1), accumulative_counts=accumulative_counts),
        default_hooks=dict(checkpoint=dict(type='AtomicCheckpointHook', **checkpoint)),
        custom_hooks=[dict(type='ExactResumeHook')], resume=resume,
        randomness=dict(seed=seed), experiment_name=f'{folder.name}{random.random()}',
        **(val if validate else {}),
    )  # fmt: skip


EPOCHS = dict(type='ResumableEpochBasedTrainLoop', max_epochs=3)
ITERS = dict(type='ResumableIterBasedTrainLoop', max_iters=12, val_interval=3)


def weights(folder: Path, name: str) -> dict[str, Tensor]:
    return safe_load(folder / name)['state_dict']


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return all(torch.equal(a[key], b[key]) for key in a)


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    handle = MMLogger.callHandlers

    def keep(self: MMLogger, record: object) -> None:
        found.append(record.getMessage())
        handle(self, record)

    monkeypatch.setattr(MMLogger, 'callHandlers', keep)
    return found


def test_the_states_are_plain_data(tmp_path: Path) -> None:
    runner(tmp_path, EPOCHS, interval=1).train()
    state = safe_load(tmp_path / 'epoch_2.pth')['resume_state']  # weights_only
    assert set(state['rng'][0]) >= {'python', 'numpy', 'torch'}
    assert state['loop'] == dict(batches=4, position=0, seed=0, sampler_seed=0)


@pytest.mark.parametrize(('loop', 'last'), [(EPOCHS, 'epoch_3'), (ITERS, 'iter_12')])
def test_a_validation_changes_nothing(tmp_path: Path, loop: dict, last: str) -> None:
    by_epoch = last.startswith('epoch')
    for validate in (True, False):
        runner(
            tmp_path / str(validate), loop, validate=validate, interval=20, by_epoch=by_epoch
        ).train()
    assert same(*(weights(tmp_path / name, f'{last}.pth') for name in ('True', 'False')))


def stop_at(loop: object, iteration: int) -> None:
    run_iter = loop.run_iter

    def stopping(*args: object) -> None:
        if loop._iter == iteration:
            raise KeyboardInterrupt
        run_iter(*args)

    loop.run_iter = stopping


@pytest.mark.parametrize('stop', range(1, 12))
@pytest.mark.parametrize('loop', [EPOCHS, ITERS])
def test_a_run_goes_on_from_every_iteration(tmp_path: Path, loop: dict, stop: int) -> None:
    """Also from the middle of an epoch, and where the seed came from the first run."""
    options = dict(interval=1, by_epoch=False, max_keep_ckpts=1, validate=stop % 2 == 0)
    runner(tmp_path / 'whole', loop, seed=None, **options).train()
    seed = safe_load(tmp_path / 'whole' / 'iter_12.pth')['meta']['seed']
    stopped = runner(tmp_path / 'stopped', loop, seed=seed, **options)
    stopped._train_loop = stopped.build_train_loop(stopped._train_loop)
    stop_at(stopped.train_loop, stop)
    with pytest.raises(KeyboardInterrupt):
        stopped.train()
    assert [path.name for path in (tmp_path / 'stopped').glob('*.pth')] == [f'iter_{stop}.pth']
    runner(tmp_path / 'stopped', loop, seed=None, resume=True, **options).train()
    assert same(*(weights(tmp_path / name, 'iter_12.pth') for name in ('whole', 'stopped')))


def test_other_batches_are_named(tmp_path: Path, warnings: list[str]) -> None:
    options = dict(interval=3, by_epoch=False)
    runner(tmp_path, dict(EPOCHS, max_epochs=1), **options).train()
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_3.pth'))
    runner(tmp_path, EPOCHS, batch_size=1, resume=True, **options).train()
    (said,) = [line for line in warnings if 'batches in an epoch' in line]
    assert '4 batches' in said and 'this one has 8' in said and 'begins anew' in said


def test_another_number_of_processes_is_named(tmp_path: Path, warnings: list[str]) -> None:
    runner(tmp_path, dict(EPOCHS, max_epochs=1), interval=1).train()
    checkpoint = safe_load(tmp_path / 'epoch_1.pth')
    checkpoint['resume_state']['rng'] *= 2
    torch.save(checkpoint, tmp_path / 'epoch_1.pth')
    runner(tmp_path, EPOCHS, resume=True, interval=1).train()
    assert sum('of 2 processes and this run has 1' in line for line in warnings) == 1


def test_gradients_that_are_lost_are_named_once(tmp_path: Path, warnings: list[str]) -> None:
    options = dict(accumulative_counts=2, by_epoch=False)
    runner(tmp_path / 'good', ITERS, interval=2, **options).train()
    assert not any('accumulative_counts' in line for line in warnings)
    runner(tmp_path / 'bad', ITERS, interval=1, **options).train()
    assert sum('multiple of accumulative_counts' in line for line in warnings) == 1


def test_fine_tuning_begins_anew(tmp_path: Path) -> None:
    """Weights of a checkpoint do not bring its random numbers with them."""
    runner(tmp_path / 'first', dict(EPOCHS, max_epochs=1), interval=1).train()
    tuned = runner(tmp_path / 'tuned', dict(EPOCHS, max_epochs=1), interval=1)
    tuned._load_from = str(tmp_path / 'first' / 'epoch_1.pth')
    tuned.train()
    first, second = (weights(tmp_path / name, 'epoch_1.pth') for name in ('first', 'tuned'))
    assert not same(first, second)
    assert safe_load(tmp_path / 'tuned' / 'epoch_1.pth')['meta']['iter'] == 4
