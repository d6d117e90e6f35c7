"""A changed schedule after a resume, against a run that had it from the beginning."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.registry import HOOKS, MODELS
from mmengine.runner import Runner
from torch import Tensor, nn

import mmsfa.engine  # noqa: F401  registers the hook

EACH = 4  # iterations of an epoch


HOOK = [dict(type='ScheduleHook')]


class Line(BaseModel):
    """Two layers, so that two parameter groups can differ."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(1, 1), nn.Linear(1, 1)

    def forward(self, inputs: Tensor, data_samples=None, mode: str = 'tensor'):
        return dict(loss=self.second(self.first(torch.stack(inputs))).square().sum())


class Rates(Hook):
    """Keeps what each iteration was trained with."""

    def __init__(self) -> None:
        self.seen: dict[int, list] = {}

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        keys = ('lr', 'momentum', 'betas')
        groups = runner.optim_wrapper.param_groups
        self.seen[runner.iter] = [[group.get(key) for key in keys] for group in groups]


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # What these runs spend most of their time on.
    monkeypatch.setattr(Config, 'pretty_text', '')
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)
    MODELS.register_module(module=Line, force=True)
    HOOKS.register_module(name='TestRates', module=Rates, force=True)
    yield
    MODELS.module_dict.pop('Line')
    HOOKS.module_dict.pop('TestRates')


count = 0  # of runs: each needs a name of its own


def train(
    folder: Path, schedulers: object, epochs: int = 6, iters: int = 0, lr: float = 0.1,
    stop: int | None = None, resume: Path | None = None, batch: int = 1, momentum: float = 0.9,
    optimizer: str = 'SGD', hooks: list[dict] = HOOK, **options: object,
) -> tuple[dict[int, list], str, Runner]:  # fmt: skip
    """Train; gives the rates of each iteration, the log and the runner.

    Args:
        stop: Interrupt after so many epochs, or iterations if there are `iters`.
    """
    global count
    count += 1
    settings = dict(momentum=momentum) if optimizer == 'SGD' else {}
    cfg = Config(
        dict(
            model=dict(type='Line'),
            work_dir=str(folder),
            train_dataloader=dict(
                dataset=[dict(inputs=torch.ones(1)) for _ in range(EACH)],
                batch_size=batch,
                sampler=dict(type='InfiniteSampler' if iters else 'DefaultSampler'),
            ),
            train_cfg=dict(by_epoch=False, max_iters=iters)
            if iters
            else dict(by_epoch=True, max_epochs=epochs),
            optim_wrapper=dict(
                optimizer=dict(type=optimizer, lr=lr, **settings),
                paramwise_cfg=dict(custom_keys=dict(second=dict(lr_mult=0.5))),
            ),
            param_scheduler=schedulers,
            default_hooks=dict(
                checkpoint=dict(
                    type='CheckpointHook',
                    interval=stop or 10**6,
                    by_epoch=not iters,
                    save_last=False,
                ),
            ),
            custom_hooks=[dict(type='TestRates'), *hooks],
            experiment_name=f'schedule_{count}',
            resume=resume is not None,
            load_from=None if resume is None else str(resume),
            **options,
        )
    )  # fmt: skip
    run = Runner.from_cfg(cfg)
    if stop is not None:
        run.register_hook(Stop(stop, by_epoch=not iters))
    run.train()
    (rates,) = [hook for hook in run.hooks if isinstance(hook, Rates)]
    log = max(folder.glob('*/*.log'), key=lambda path: path.stat().st_mtime_ns)
    return rates.seen, log.read_text(), run


class Stop(Hook):
    """Ends a run early, as a kill does; its checkpoints know nothing of that."""

    priority = 'LOWEST'

    def __init__(self, at: int, by_epoch: bool) -> None:
        self.at, self.by_epoch = at, by_epoch

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if not self.by_epoch and runner.iter + 1 == self.at:
            runner.train_loop.stop_training = True

    def after_train_epoch(self, runner) -> None:
        if self.by_epoch and runner.epoch + 1 == self.at:
            runner.train_loop.stop_training = True


def lines(log: str) -> list[str]:
    return re.findall(r'Resuming at .*', log)


WARM = dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=5)
EPOCHS = {  # of a run of 6 epochs that is interrupted after 3 and goes on to 9
    'cosine without an end': [dict(type='CosineAnnealingLR', by_epoch=True)],
    'warm-up, cosine by iteration': [
        WARM,
        dict(type='CosineAnnealingLR', by_epoch=False, begin=5, eta_min=1e-5),
    ],
    'converted': [
        dict(type='LinearLR', start_factor=0.1, end=2, convert_to_iter_based=True),
        dict(type='CosineAnnealingLR', begin=2, convert_to_iter_based=True, eta_min_ratio=0.01),
    ],
    'steps and warm-up': [WARM, dict(type='MultiStepLR', milestones=[2, 4, 8], gamma=0.1)],
    'poly': [dict(type='PolyLR', power=0.9, eta_min=1e-4)],
    'one cycle': [dict(type='OneCycleLR', eta_max=0.5, by_epoch=False)],
    'restarts': [
        WARM,
        dict(type='CosineRestartLR', periods=[3, 6], restart_weights=[1, 0.5], eta_min=1e-3),
    ],
    'momentum': [
        dict(type='CosineAnnealingLR', by_epoch=False),
        dict(type='LinearMomentum', start_factor=0.5, by_epoch=False),
    ],
    'exponential': [dict(type='ExponentialLR', gamma=0.9), dict(type='ConstantLR', factor=0.5)],
}


@pytest.mark.parametrize('name', EPOCHS)
def test_a_longer_run_has_the_rates_of_one_that_was_never_short(tmp_path: Path, name: str) -> None:
    cfg, optimizer = EPOCHS[name], 'AdamW' if name == 'momentum' else 'SGD'
    train(tmp_path / 'a', cfg, stop=3, optimizer=optimizer)
    resume = tmp_path / 'a' / 'epoch_3.pth'
    seen, log, _ = train(tmp_path / 'b', cfg, epochs=9, resume=resume, optimizer=optimizer)
    whole, _, _ = train(tmp_path / 'c', cfg, epochs=9, optimizer=optimizer)
    assert list(seen) == list(range(3 * EACH, 9 * EACH))
    assert seen == {iteration: whole[iteration] for iteration in seen}
    (line,) = lines(log)
    assert 'Resuming at epoch 3 of 9 (was 6): ' in line
    assert 'optimizer.step' not in log


def cosine(end: int, **options: object) -> list[dict]:
    """As the shipped schedules: the end of the run is written out."""
    tail = dict(type='CosineAnnealingLR', by_epoch=False, begin=5, end=end, eta_min=1e-5)
    return [WARM, tail | options]


@pytest.mark.parametrize('options', [{}, dict(T_max=15), dict(type='PolyLR')])
def test_an_end_that_was_that_of_the_run_moves_with_it(tmp_path: Path, options: dict) -> None:
    """Also when the run is resumed again, which must not take the rates back."""
    short, long = cosine(20, **options), cosine(32, **options)
    if 'T_max' in options:
        long[1]['T_max'] = 27
    train(tmp_path / 'a', short, iters=20, stop=8)
    seen, log, _ = train(
        tmp_path / 'b', short, iters=32, stop=16, resume=tmp_path / 'a' / 'iter_8.pth'
    )
    whole, _, _ = train(tmp_path / 'c', long, iters=32)
    assert seen == {iteration: whole[iteration] for iteration in range(8, 16)}
    (line,) = lines(log)
    name = short[1]['type']
    rate = [whole[8][0][0], whole[7][0][0]]
    assert 'Resuming at iteration 8 of 32 (was 20): the learning-rate schedule is rebuilt' in line
    assert f'lr is now {rate[0]:.4g} (the checkpoint had ' in line
    assert f'the end of {name} moves from 20 to 32' in line

    second = tmp_path / 'b' / 'iter_16.pth'
    seen, log, _ = train(tmp_path / 'd', short, iters=32, resume=second)
    assert seen == {iteration: whole[iteration] for iteration in range(16, 32)}
    assert not lines(log)
    seen, log, _ = train(tmp_path / 'e', long, iters=32, resume=second)  # now the user writes it
    assert seen == {iteration: whole[iteration] for iteration in range(16, 32)}
    assert not lines(log)
    seen, log, _ = train(tmp_path / 'f', short, iters=40, stop=20, resume=second)
    assert f'the end of {name} moves from 20 to 40' in lines(log)[0]


def test_an_unchanged_resume_is_the_checkpoint_bit_for_bit(tmp_path: Path) -> None:
    whole, _, _ = train(tmp_path / 'a', cosine(20), iters=20, stop=None, hooks=[])
    train(tmp_path / 'b', cosine(20), iters=20, stop=8)
    resume = tmp_path / 'b' / 'iter_8.pth'
    checkpoint = torch.load(resume, weights_only=False)
    # A rate that no schedule gives: a replay would lose it.
    for group in checkpoint['optimizer']['param_groups']:
        group['lr'] *= 1.01
    torch.save(checkpoint, tmp_path / 'b' / 'odd.pth')
    for checkpoint in (resume, tmp_path / 'b' / 'odd.pth'):
        with_hook, log, _ = train(tmp_path / 'c', cosine(20), iters=20, resume=checkpoint)
        without, _, _ = train(tmp_path / 'd', cosine(20), iters=20, resume=checkpoint, hooks=[])
        assert with_hook == without and not lines(log)
        same = with_hook == {iteration: whole[iteration] for iteration in with_hook}
        assert same == (checkpoint == resume)


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        (dict(lr=0.05), 'the initial lr is 0.05 (was 0.1)'),
        (dict(schedulers=cosine(20, eta_min=1e-3)), 'eta_min is 0.001 (was 1e-05)'),
        (dict(schedulers=[WARM]), 'the number of schedulers is 1 (was 2)'),
        (dict(schedulers=None), 'the number of schedulers is 0 (was 2)'),
        (dict(schedulers=None, lr=0.02), 'the initial lr is 0.02 (was 0.1)'),
        (
            dict(auto_scale_lr=dict(enable=True, base_batch_size=2)),
            'the initial lr is 0.05 (was 0.1)',
        ),
        (dict(schedulers=cosine(20, begin=6)), 'begin is 6 (was 5)'),
    ],
)
def test_a_change_of_rate_or_schedule_counts_from_the_beginning(
    tmp_path: Path, change: dict, reason: str
) -> None:
    settings = dict(schedulers=cosine(20), iters=20)
    train(tmp_path / 'a', **settings, stop=8)
    resume = tmp_path / 'a' / 'iter_8.pth'
    seen, log, _ = train(tmp_path / 'b', **(settings | change), resume=resume)
    whole, _, _ = train(tmp_path / 'c', **(settings | change))
    assert seen == {iteration: whole[iteration] for iteration in range(8, 20)}
    (line,) = lines(log)
    assert line.startswith('Resuming at iteration 8 of 20: the learning-rate') and reason in line


def test_milestones_are_read_in_words(tmp_path: Path) -> None:
    def steps(*milestones: int) -> dict:
        return dict(type='MultiStepLR', milestones=list(milestones))

    train(tmp_path / 'a', steps(1, 2), stop=3)
    resume = tmp_path / 'a' / 'epoch_3.pth'
    _, log, _ = train(tmp_path / 'b', steps(1, 5), resume=resume)
    assert 'MultiStepLR.milestones is [1, 5] (was [1, 2])' in lines(log)[0]


def test_another_batch_size_keeps_the_place_in_epochs(tmp_path: Path) -> None:
    schedulers = cosine(6 * EACH)
    train(tmp_path / 'a', schedulers, stop=3)
    resume = tmp_path / 'a' / 'epoch_3.pth'
    seen, log, _ = train(tmp_path / 'b', schedulers, resume=resume, batch=2)
    whole, _, _ = train(tmp_path / 'c', cosine(6 * EACH // 2), batch=2)
    assert list(seen.values()) == [whole[i] for i in range(3 * EACH // 2, 6 * EACH // 2)]
    (line,) = lines(log)
    assert 'epoch 3 of 6 with 2 iterations each (was 6 with 4 iterations each)' in line


def test_what_does_not_depend_on_the_length_is_left_alone(tmp_path: Path) -> None:
    schedulers = cosine(12)
    train(tmp_path / 'a', schedulers, iters=20, stop=8)
    seen, log, _ = train(tmp_path / 'b', schedulers, iters=24, resume=tmp_path / 'a' / 'iter_8.pth')
    whole, _, _ = train(tmp_path / 'c', schedulers, iters=24)
    assert seen == {iteration: whole[iteration] for iteration in range(8, 24)}
    assert 'no scheduler depends on the length, so the schedule goes on' in lines(log)[0]


def test_a_shorter_run_cuts_what_is_written_out(tmp_path: Path) -> None:
    train(tmp_path / 'a', cosine(20), iters=20, stop=8)
    seen, _, _ = train(tmp_path / 'b', cosine(20), iters=12, resume=tmp_path / 'a' / 'iter_8.pth')
    whole, _, _ = train(tmp_path / 'c', cosine(20), iters=20)
    assert seen == {iteration: whole[iteration] for iteration in range(8, 12)}


def test_ends_can_be_left_where_they_are(tmp_path: Path) -> None:
    hooks = [dict(type='ScheduleHook', move_ends=False)]
    train(tmp_path / 'a', cosine(20), iters=20, stop=8)
    resume = tmp_path / 'a' / 'iter_8.pth'
    seen, _, _ = train(tmp_path / 'b', cosine(20), iters=24, resume=resume, hooks=hooks)
    assert seen[23] == seen[19] != seen[18]


@pytest.mark.parametrize(
    ('settings', 'stop', 'shorter', 'sentence'),
    [
        (dict(iters=20), 8, dict(iters=6), '8 iterations and max_iters is 6'),
        (dict(epochs=6), 3, dict(epochs=3), '3 epochs and max_epochs is 3'),
    ],
)
def test_a_run_that_has_nothing_left_says_so(
    tmp_path: Path, settings: dict, stop: int, shorter: dict, sentence: str
) -> None:
    train(tmp_path / 'a', WARM, **settings, stop=stop)
    (resume,) = (tmp_path / 'a').glob('*.pth')
    seen, log, _ = train(tmp_path / 'b', WARM, **shorter, resume=resume)
    assert not seen and log.count(f'The checkpoint has finished {sentence}, so nothing') == 1


def test_a_schedule_that_follows_metrics_goes_on(tmp_path: Path) -> None:
    plateau = dict(type='ReduceOnPlateauLR', monitor='loss')
    train(tmp_path / 'a', plateau, stop=3)
    resume = tmp_path / 'a' / 'epoch_3.pth'
    seen, log, _ = train(tmp_path / 'b', plateau, resume=resume, lr=0.05)
    assert seen[12][0][0] == 0.1
    assert 'the initial lr is 0.05 (was 0.1), but the schedule of the checkpoint' in lines(log)[0]


def test_a_checkpoint_without_schedule_begins_it_in_the_right_place(tmp_path: Path) -> None:
    whole, _, _ = train(tmp_path / 'a', cosine(20), iters=20, stop=8)
    resume = tmp_path / 'a' / 'iter_8.pth'
    checkpoint = torch.load(resume, weights_only=False)
    del checkpoint['param_schedulers']
    torch.save(checkpoint, resume)
    seen, log, _ = train(tmp_path / 'b', cosine(20), iters=20, resume=resume)
    whole, _, _ = train(tmp_path / 'c', cosine(20), iters=20)
    assert seen == {iteration: whole[iteration] for iteration in range(8, 20)}
    assert 'the checkpoint holds no schedule' in lines(log)[0]
