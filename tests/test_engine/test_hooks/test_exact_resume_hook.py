"""What the hook keeps in a checkpoint, and what it says when a resume cannot be exact."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet.datasets import MultiImageMixDataset
from mmdet.registry import TRANSFORMS
from mmengine.dataset import BaseDataset, pseudo_collate
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmengine.model import BaseModel
from mmengine.registry import LOOPS, METRICS
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

import mmsfa.engine  # noqa: F401  registers
from mmsfa.checkpoint.loading import safe_load
from mmsfa.rng_state import get_rng_state, set_rng_state


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
    accumulative_counts: int = 1, seed: int = 0, hooks: tuple = (), data: Dataset | None = None,
    **checkpoint: object,
) -> Runner:  # fmt: skip
    sampler = dict(type='DefaultSampler', shuffle=True)
    loader = dict(dataset=data or Numbers(), sampler=sampler)
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
        custom_hooks=[dict(type='ExactResumeHook'), *hooks], resume=resume,
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


@pytest.mark.slow
@pytest.mark.parametrize('stop', range(1, 12))
@pytest.mark.parametrize('loop', [EPOCHS, ITERS])
def test_a_run_goes_on_from_every_iteration(tmp_path: Path, loop: dict, stop: int) -> None:
    """Also from the middle of an epoch, and where the seed came from the first run."""
    go_on_from(stop, tmp_path, loop, validate=stop % 2 == 0)


def go_on_from(stop: int, folder: Path, loop: dict, **options: object) -> None:
    """Compare an uninterrupted run with one that was stopped."""
    options |= dict(interval=1, by_epoch=False, max_keep_ckpts=1)
    runner(folder / 'whole', loop, seed=None, **options).train()
    whole = safe_load(folder / 'whole' / 'iter_12.pth')
    stopped = runner(folder / 'stopped', loop, seed=whole['meta']['seed'], **options)
    stopped._train_loop = stopped.build_train_loop(stopped._train_loop)
    stop_at(stopped.train_loop, stop)
    with pytest.raises(KeyboardInterrupt):
        stopped.train()
    assert [path.name for path in (folder / 'stopped').glob('*.pth')] == [f'iter_{stop}.pth']
    runner(folder / 'stopped', loop, seed=None, resume=True, **options).train()
    resumed = safe_load(folder / 'stopped' / 'iter_12.pth')
    assert whole.keys() == resumed.keys()
    for key in {'state_dict', 'ema_state_dict'} & whole.keys():
        assert same(whole[key], resumed[key])


@pytest.mark.parametrize('stop', [3, 6])
@pytest.mark.parametrize('loop', [EPOCHS, ITERS])
def test_a_moving_average_goes_on_too(tmp_path: Path, loop: dict, stop: int) -> None:
    go_on_from(stop, tmp_path, loop, hooks=(dict(type='EMAHook', momentum=0.1),))


class Listed(BaseDataset):
    """Numbers as mmdet's wrapper asks for them."""

    def load_data_list(self) -> list[dict]:
        return [dict(number=i) for i in range(8)]

    def prepare_data(self, idx: int) -> dict[str, Tensor]:
        return Numbers()[idx]


@TRANSFORMS.register_module(force=True)
class AddAnother:
    """What mosaic and mixup do."""

    def get_indexes(self, dataset: Dataset) -> int:
        return random.randrange(len(dataset))

    def __call__(self, results: dict) -> dict:
        (other,) = results['mix_results']
        results['inputs'] = results['inputs'] + np.random.rand() * other['inputs']
        return results


@pytest.mark.slow
@pytest.mark.parametrize('loop', [EPOCHS, ITERS])
def test_mixed_pictures_are_drawn_alike(tmp_path: Path, loop: dict) -> None:
    """Mosaic and its like, whose transforms draw further samples."""
    mixed = MultiImageMixDataset(Listed(), [dict(type='AddAnother')])
    go_on_from(6, tmp_path, loop, data=mixed)


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
    runner(tmp_path / 'first', dict(EPOCHS, max_epochs=1), interval=1, seed=3).train()
    checkpoint = safe_load(tmp_path / 'first' / 'epoch_1.pth')
    torch.save(dict(state_dict=checkpoint['state_dict']), tmp_path / 'bare.pth')
    for name, source in (('tuned', 'first/epoch_1.pth'), ('bare', 'bare.pth')):
        tuned = runner(tmp_path / name, dict(EPOCHS, max_epochs=2), interval=1)
        tuned._load_from = str(tmp_path / source)
        tuned.train()
    assert safe_load(tmp_path / 'tuned' / 'epoch_1.pth')['meta']['iter'] == 4
    assert not same(checkpoint['state_dict'], weights(tmp_path / 'tuned', 'epoch_1.pth'))
    # also the second epoch draws what it would draw without the states in the checkpoint
    assert same(*(weights(tmp_path / name, 'epoch_2.pth') for name in ('tuned', 'bare')))


class OnGpu(Tensor):
    """A tensor as `Runner.resume` gives it on a machine with a GPU."""

    def numpy(self) -> np.ndarray:
        raise TypeError('cannot convert')

    def cpu(self) -> Tensor:
        return self.as_subclass(Tensor)


def test_states_that_were_loaded_onto_a_gpu_are_set() -> None:
    state = get_rng_state()
    expected = random.random(), np.random.rand(), torch.rand(1)
    name, key, *position = state['numpy']
    set_rng_state(dict(state, numpy=(name, key.as_subclass(OnGpu), *position)))
    assert (random.random(), np.random.rand(), torch.rand(1)) == expected


def test_another_batch_size_of_iterations_is_named(tmp_path: Path, warnings: list[str]) -> None:
    options = dict(interval=3, by_epoch=False)
    runner(tmp_path, dict(ITERS, max_iters=3), **options).train()
    runner(tmp_path, ITERS, batch_size=4, resume=True, **options).train()
    assert sum('batch_size=2, this one has 4' in line for line in warnings) == 1


class OwnLoader(DataLoader):
    """A loader that iterates in its own way."""

    def __iter__(self) -> Iterator:
        yield from super().__iter__()


@pytest.mark.parametrize(('loop', 'stop'), [(EPOCHS, 6), (dict(ITERS, max_iters=4), 2)])
def test_a_loader_of_its_own_kind_stays_and_is_named(
    tmp_path: Path, warnings: list[str], loop: dict, stop: int
) -> None:
    def run(**options: object) -> Runner:
        run = runner(tmp_path, loop, interval=2, by_epoch=False, validate=False, **options)
        run._train_loop = dict(loop, dataloader=OwnLoader(Numbers(), 2, collate_fn=pseudo_collate))
        run._train_loop = LOOPS.build(run._train_loop, default_args=dict(runner=run))
        return run

    first = run()
    stop_at(first.train_loop, stop)
    with pytest.raises(KeyboardInterrupt):
        first.train()
    second = run(resume=True)
    second.train()
    assert isinstance(second.train_dataloader, OwnLoader) and second.iter >= 4
    assert sum('a loader of its own kind' in line for line in warnings) == 1


@pytest.mark.parametrize(('loop', 'last'), [(EPOCHS, 'epoch_2'), (ITERS, 'iter_6')])
def test_a_validation_that_was_cut_off_is_made_up_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loop: dict, last: str
) -> None:
    """Whoever resumes from a checkpoint before a validation begins with that validation."""
    options = dict(interval=2 if loop is EPOCHS else 6, by_epoch=loop is EPOCHS)
    ran: list[tuple[int, int]] = []
    compute = Draws.compute_metrics

    def cut_off(self: Draws, results: list) -> dict:
        ran.append((run.epoch, run.iter))
        if ran == [(2, 8)] or (ran[-1] == (0, 6) and len(ran) == 2):
            raise KeyboardInterrupt
        return compute(self, results)

    loop = dict(loop, val_interval=2 if loop is EPOCHS else 3)
    monkeypatch.setattr(Draws, 'compute_metrics', cut_off)
    run = runner(tmp_path, loop, **options)
    with pytest.raises(KeyboardInterrupt):
        run.train()
    cut = ran[-1]
    assert (tmp_path / f'{last}.pth').exists()
    run = runner(tmp_path, loop, resume=True, **options)
    run.train()
    assert ran.count(cut) == 2 and ran[-1] == (run.epoch, run.iter)
    whole = ran[-1]
    run = runner(tmp_path, loop, resume=True, **options)
    run.train()  # nothing is left but the validation that follows the last checkpoint
    assert ran[-1] == whole and ran.count(whole) == 2
