"""Runs that lose their numbers, at a known place."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import EMAHook, Hook
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from torch import Tensor, nn

from mmsfa.engine import NumericsHook
from mmsfa.engine.hooks.numerics_hook import NonFiniteError
from tests.helpers.breaking_net import AfterStep, At, Net


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Config, 'pretty_text', '')
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)


EPOCHS = dict(by_epoch=True, max_epochs=1)


def runner(
    folder: Path, data: Tensor | None = None, loop: dict = EPOCHS, **optim: object
) -> Runner:
    """Six iterations of two samples, a checkpoint after every second."""
    torch.manual_seed(0)
    data = torch.randn(12, 2) if data is None else data
    names = [BaseDataElement(metainfo=dict(img_path=f'{i}.png')) for i in range(len(data))]
    return Runner(
        model=Net(),
        work_dir=str(folder),
        train_dataloader=dict(
            dataset=[
                dict(inputs=x, data_samples=name) for x, name in zip(data, names, strict=True)
            ],
            batch_size=2,
            sampler=dict(type='DefaultSampler', shuffle=False),
        ),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01)) | optim,
        train_cfg=dict(loop),
        default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=2, by_epoch=False)),
        custom_hooks=[dict(type='NumericsHook')],
        experiment_name=f'{folder.parent.name}_{folder.name}',
    )


def poison(layer: str, name: str = 'weight') -> Callable[[Net], None]:
    return lambda net: getattr(net.get_submodule(layer), name).data.fill_(math.nan)


def overflow(net: Net) -> None:
    """Finite weights whose product is not."""
    net.norm.weight.data.fill_(1e37)
    net.head.weight.data.fill_(100)


def fails(run: Runner, *hooks: Hook) -> str:
    for hook in hooks:
        run.register_hook(hook)
    with pytest.raises(NonFiniteError) as raised:
        run.train()
    return str(raised.value)


def saved(run: Runner) -> list[str]:
    return sorted(path.name for path in Path(run.work_dir).glob('*.pth'))


@pytest.mark.parametrize(
    ('do', 'where'),
    [
        (poison('stem'), 'the first bad layer is stem (its own weight is not finite)'),
        (poison('head', 'bias'), 'the first bad layer is head (its own bias is not finite)'),
        (poison('norm', 'running_var'), None),  # unused in training; see below
        (overflow, 'the first bad layer is head (Linear)'),
        (lambda net: setattr(net, 'spoil', 'loss'), 'a second pass shows no bad layer'),
    ],
)
def test_a_bad_loss_stops_the_run_before_the_step(
    tmp_path: Path, do: Callable[[Net], None], where: str | None
) -> None:
    run = runner(tmp_path / 'run')
    message = fails(run, At(4, do))
    assert saved(run) == ['iter_2.pth']
    assert str(tmp_path / 'run' / 'iter_2.pth') in message
    if where is None:
        assert (
            'After iteration 4 1 weights are not finite, the first of them norm.running' in message
        )
        return
    assert message.startswith('Iteration 4: the loss is not finite (loss_')
    assert where in message and 'acc' not in message
    assert '6.png, 7.png' in message and '5.png' not in message
    steps = [
        state['step'] for state in run.optim_wrapper.optimizer.state.values() if 'step' in state
    ]
    assert not steps or max(steps) == 3
    # what a later layer holds is as it was: no step was made with NaN
    others = [p for name, p in run.model.named_parameters() if 'stem' not in name]
    assert where.startswith('the first bad layer is head') or all(
        p.isfinite().all() for p in others
    )


def test_bad_input_is_named_with_its_file(tmp_path: Path) -> None:
    data = torch.randn(12, 2)
    data[5] = math.inf
    message = fails(runner(tmp_path / 'run', data))
    assert 'Iteration 3: ' in message and 'its input is not: inputs' in message
    assert message.endswith('pictures of this batch: 5.png.')


def test_weights_are_judged_before_a_save(tmp_path: Path) -> None:
    run = runner(tmp_path / 'run')
    message = fails(run, AfterStep(4, poison('head')))
    assert message.startswith(
        'After iteration 4 1 weights are not finite, the first of them head.w'
    )
    assert 'iter_2.pth: lower the learning rate, clip gradients' in message
    assert saved(run) == ['iter_2.pth']


def test_without_a_save_the_next_loss_tells(tmp_path: Path) -> None:
    message = fails(runner(tmp_path / 'run'), AfterStep(1, poison('head')))
    assert message.startswith('Iteration 2: ') and 'There is no checkpoint yet' in message


def test_bad_gradients_are_seen_where_they_are_clipped(tmp_path: Path) -> None:
    run = runner(tmp_path / 'run', clip_grad=dict(max_norm=1))
    message = fails(run, At(3, lambda net: setattr(net, 'spoil', 'gradient')))
    assert message.startswith('Iteration 3: the loss is finite, but its gradients are not')
    assert all(p.isfinite().all() for p in run.model.parameters())


def test_finite_gradients_whose_norm_overflows(tmp_path: Path) -> None:
    run = runner(tmp_path / 'run', clip_grad=dict(max_norm=1))
    message = fails(run, At(3, lambda net: setattr(net, 'spoil', 'weight')))
    assert message.startswith('Iteration 3: the loss is finite (loss_cls=')
    assert 'they are so large that their norm is inf: clipping by it' in message
    assert 'iter_2.pth: lower the loss_weight' in message
    assert all(weight.isfinite().all() for weight in run.model.parameters())


def test_moments_that_overflow_are_seen_before_a_save(tmp_path: Path) -> None:
    """Without clipping AdamW divides by infinity: the weights stay where they are, and finite."""
    run = runner(tmp_path / 'run', optimizer=dict(type='AdamW', lr=0.01))
    message = fails(run, At(3, lambda net: setattr(net, 'spoil', 'weight')))
    assert message.startswith('After iteration 4 ')
    assert 'moments of the optimizer are not finite' in message
    assert all(weight.isfinite().all() for weight in run.model.parameters())
    assert saved(run) == ['iter_2.pth']


def test_bad_gradients_without_clipping_are_seen_in_the_next_loss(tmp_path: Path) -> None:
    run = runner(tmp_path / 'run')
    message = fails(run, At(3, lambda net: setattr(net, 'spoil', 'gradient')))
    assert message.startswith('Iteration 4: ') and 'stem (its own weight is not finite)' in message
    assert saved(run) == ['iter_2.pth']


def test_lost_weights_are_seen_before_the_first_iteration(tmp_path: Path) -> None:
    run = runner(tmp_path / 'run')
    run.model.head.weight.data.fill_(math.nan)
    message = fails(run)
    assert message.startswith('1 weights are not finite before the first iteration, the first of')


class Scaler:
    """As of AmpOptimWrapper, which needs a GPU."""

    def is_enabled(self) -> bool:
        return True


@pytest.mark.parametrize(
    ('patience', 'spoilt', 'stops'), [(3, 2, False), (3, 3, True), (1, 1, True)]
)
def test_a_loss_scaler_may_skip_some_steps(
    tmp_path: Path, patience: int, spoilt: int, stops: bool
) -> None:
    run = runner(tmp_path / 'run')
    run._hooks = [hook for hook in run.hooks if not isinstance(hook, NumericsHook)]
    run.register_hook(NumericsHook(patience=patience))
    run.register_hook(At(2, lambda net: setattr(net, 'spoil', 'loss')))
    run.register_hook(At(2 + spoilt, lambda net: setattr(net, 'spoil', None)))

    class Skips(OptimWrapper):
        loss_scaler = Scaler()

        def step(self, **kwargs: object) -> None:
            grads = [p.grad for group in self.param_groups for p in group['params']]
            if all(grad.isfinite().all() for grad in grads if grad is not None):
                super().step(**kwargs)

    run.optim_wrapper = Skips(torch.optim.SGD(run.model.parameters(), lr=0.01))
    if stops:
        assert f'Iteration {1 + patience}: ' in fails(run)
    else:
        run.train()
        (log,) = (tmp_path / 'run').glob('*/*.log')
        assert log.read_text().count('the loss scaler skips this step') == spoilt


def test_a_healthy_run_is_the_same_with_the_hook(tmp_path: Path) -> None:
    runs = [runner(tmp_path / name) for name in 'ab']
    runs[1]._hooks = [hook for hook in runs[1].hooks if not isinstance(hook, NumericsHook)]
    for run in runs:
        torch.manual_seed(0)
        run.model.load_state_dict(runs[0].model.state_dict())
    first = deepcopy(runs[0].model.state_dict())
    runs[1].model.load_state_dict(first)
    for run in runs:
        run.train()
        assert saved(run) == ['iter_2.pth', 'iter_4.pth', 'iter_6.pth']
    states = [run.model.state_dict() for run in runs]
    assert all(torch.equal(states[0][key], states[1][key]) for key in first)
    assert not torch.equal(states[0]['stem.weight'], first['stem.weight'])
    assert not runs[0].model._forward_hooks
    assert not runs[0].optim_wrapper.optimizer._optimizer_step_pre_hooks


def test_a_copy_of_the_model_does_not_copy_the_runner(tmp_path: Path) -> None:
    copies = []
    run = runner(tmp_path / 'run')
    run.register_hook(At(2, lambda net: copies.append(deepcopy(net))))
    run.train()
    (copy,) = copies
    assert torch.equal(copy.mask, run.model.mask)


def test_a_wrong_patience_is_named() -> None:
    with pytest.raises(ValueError, match='patience must be an integer >= 1'):
        NumericsHook(patience=0)


def test_averaged_weights_may_hold_masks_too(tmp_path: Path) -> None:
    run = runner(tmp_path / 'run')
    run.register_hook(EMAHook())
    run.train()
    assert len(saved(run)) == 3
    run = runner(tmp_path / 'other')
    averages = EMAHook()
    run.register_hook(averages)
    spoil = AfterStep(4, lambda _: averages.ema_model.module.head.weight.data.fill_(math.nan))
    assert 'head.weight; nothing was written' in fails(run, spoil)
    assert saved(run) == ['iter_2.pth']


class Assigner(nn.Module):
    """As a head with Hungarian matching."""

    def __init__(self) -> None:
        super().__init__()
        self.softmax = nn.Softmax(-1)

    def forward(self, x: Tensor) -> Tensor:
        mask = torch.tensor([0.0, -math.inf])
        if x.isnan().any():
            self.softmax(mask)  # its input holds infinity on purpose
            raise ValueError('matrix contains invalid numeric entries')
        return x


@pytest.mark.parametrize('is_lost', [True, False])
@pytest.mark.parametrize(
    'loop',
    [
        dict(type='ResumableEpochBasedTrainLoop', max_epochs=1),
        dict(type='ResumableIterBasedTrainLoop', max_iters=6),
    ],
)
def test_a_head_that_breaks_on_bad_numbers(tmp_path: Path, loop: dict, is_lost: bool) -> None:
    run = runner(tmp_path / 'run', loop=loop)
    run.model.norm = Assigner()
    if is_lost:
        message = fails(run, At(4, poison('stem')))
        assert message.startswith('Iteration 4: the forward pass broke on numbers that are not ')
        assert 'ValueError: matrix contains' in message and 'bad layer is stem (its own' in message
        assert 'iter_2.pth' in message
        return
    run.model.norm.forward = lambda x: run.model.norm.softmax(torch.tensor([0, -math.inf])) / 'bug'
    with pytest.raises(TypeError, match='unsupported operand'):
        run.train()


def test_a_loop_that_tells_nobody_raises_what_broke(tmp_path: Path) -> None:
    """mmengine's own: the hook leaves them as they are."""
    run = runner(tmp_path / 'run')
    run.model.norm = Assigner()
    run.register_hook(At(4, poison('stem')))
    with pytest.raises(ValueError, match='invalid numeric entries'):
        run.train()


def test_a_norm_of_the_run_before_a_resume_stops_nothing(tmp_path: Path) -> None:
    run = runner(tmp_path / 'run')
    run.message_hub.update_scalar('train/grad_norm', math.inf)
    run.train()
    assert len(saved(run)) == 3
