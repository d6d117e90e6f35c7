"""A model with auxiliary losses is the model itself, and it learns from them."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from mmdet.models.detectors import MaskRCNN
from mmengine.model import ExponentialMovingAverage
from mmengine.optim import OptimWrapper
from mmengine.registry import MODELS
from torch import Tensor, nn

from mmsfa.losses import AuxiliaryLoss, Batch, WithAuxiliaryLosses, add_auxiliary_losses

KINDS = ['detector', 'segmentor', 'classifier']
OWN_LOSSES = {
    'detector': {'loss_rpn_cls', 'loss_rpn_bbox', 'loss_cls', 'loss_bbox', 'loss_mask'},
    'segmentor': {'decode.loss_ce', 'aux.loss_ce'},
    'classifier': {'loss_own'},  # mmpretrain calls it `loss`, as the sum
}
RATE = dict(type='FiringRateLoss', target=0.5)


class Learnt(AuxiliaryLoss):
    """Watches the first convolution of the backbone and learns a factor for it."""

    def __init__(self, name: str = 'backbone.downsample_layers.0.conv', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.factor = nn.Parameter(torch.ones(1))

    def watched(self, model: nn.Module) -> list[str]:
        return [self.name]

    def forward(self, outputs: dict[str, list[Any]], batch: Batch) -> dict[str, Tensor]:
        (maps,) = outputs[self.name]
        assert len(maps) == len(batch.inputs) == len(batch.data_samples)
        return dict(level=(self.factor * maps).square().mean(), size=maps.abs().mean())


MODELS.register_module(name='LearntForTests', module=Learnt, force=True)
LEARNT = dict(type='LearntForTests')


def step(model: nn.Module, data: dict, lr: float = 0.1) -> dict[str, Tensor]:
    torch.manual_seed(3)  # of the detector's samplers
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=lr))
    return model.train_step(copy.deepcopy(data), wrapper)


@pytest.mark.slow
@pytest.mark.parametrize('kind', KINDS)
def test_a_training_step(build, batch, kind: str) -> None:
    model = build(kind, dict(rate=RATE, learnt=LEARNT))
    before = copy.deepcopy(model.state_dict())
    log = step(model, batch(kind))
    own = OWN_LOSSES[kind] | {key for key in log if 'acc' in key}
    assert set(log) == own | {'loss', 'loss_rate', 'loss_learnt_level', 'loss_learnt_size'}
    assert all(torch.isfinite(value).all() for value in log.values()) and log['loss_rate'] > 0
    summed = sum(value for key, value in log.items() if 'loss' in key and key != 'loss')
    torch.testing.assert_close(log['loss'], summed)
    assert not torch.equal(
        before['auxiliary_losses.learnt.factor'], model.auxiliary_losses.learnt.factor
    )


@pytest.mark.slow
@pytest.mark.parametrize('kind', KINDS)
def test_the_gradient_is_the_sum(build, batch, kind: str) -> None:
    """Weighted, and it reaches the first layer."""
    name = 'backbone.downsample_layers.0.conv.weight'

    def gradient(losses: dict | None, only: str = '') -> Tensor:
        model = build(kind, losses)
        data = model.data_preprocessor(batch(kind), True)
        torch.manual_seed(3)
        total, log = model.parse_losses(model(**data, mode='loss'))
        (log[only] if only else total).backward()
        return model.get_parameter(name).grad

    both = gradient(dict(rate=dict(RATE, weight=20.0)))
    plain, alone = gradient(None), gradient(dict(rate=RATE), 'loss_rate')
    assert alone.abs().max() > 0
    torch.testing.assert_close(both, plain + 20 * alone, rtol=1e-3, atol=1e-3 * both.abs().max())


@pytest.mark.slow
@pytest.mark.parametrize('kind', KINDS)
def test_a_weight_of_0_changes_no_bit(build, batch, kind: str) -> None:
    plain, model = build(kind), build(kind, dict(rate=dict(RATE, weight=0.0)))
    for _ in range(2):
        log, with_loss = step(plain, batch(kind)), step(model, batch(kind))
        assert all(torch.equal(value, with_loss[key]) for key, value in log.items())
    assert all(
        torch.equal(p, q) for p, q in zip(plain.parameters(), model.parameters(), strict=True)
    )


@pytest.mark.slow
@pytest.mark.parametrize('kind', KINDS)
def test_checkpoints_are_interchangeable(build, batch, kind: str) -> None:
    plain, model = build(kind), build(kind, dict(learnt=LEARNT, rate=RATE))
    assert set(model.state_dict()) - set(plain.state_dict()) == {'auxiliary_losses.learnt.factor'}
    step(model, batch(kind))
    missing, unexpected = plain.load_state_dict(model.state_dict(), strict=False)
    assert not missing and unexpected == ['auxiliary_losses.learnt.factor']
    missing, unexpected = model.load_state_dict(plain.state_dict(), strict=False)
    assert missing == ['auxiliary_losses.learnt.factor'] and not unexpected
    results = []
    for one in (plain, model):
        data = one.eval().data_preprocessor(batch(kind))
        results.append(one(data['inputs'], data['data_samples'], mode='tensor'))
    torch.testing.assert_close(*results, rtol=0, atol=0)


@pytest.mark.slow
def test_it_stays_an_instance_of_its_class(build) -> None:
    model = build('detector', dict(rate=RATE))
    assert isinstance(model, MaskRCNN) and isinstance(model, WithAuxiliaryLosses)
    assert type(model).__name__ == 'MaskRCNNWithLosses'
    assert type(model) is type(build('detector', dict(rate=RATE)))
    assert model.with_mask and model.rpn_head is model.get_submodule('rpn_head')


def test_a_moving_average_has_the_losses_too(build, batch) -> None:
    model = build('classifier', dict(rate=RATE, learnt=LEARNT))
    average = ExponentialMovingAverage(model, momentum=0.5)
    step(model, batch('classifier'))
    average.update_parameters(model)
    data = average.module.data_preprocessor(batch('classifier'), True)
    assert average.module(**data, mode='loss')['loss_rate'] > 0
    assert average.module.auxiliary_losses.learnt is not model.auxiliary_losses.learnt


def test_it_is_pickled_as_any_model(build, batch) -> None:
    model = build('classifier', dict(rate=RATE, learnt=LEARNT)).eval()
    other = pickle.loads(pickle.dumps(model))
    assert type(other) is type(model) and other.auxiliary_losses.learnt is not None
    inputs = model.data_preprocessor(batch('classifier'))['inputs']
    assert torch.equal(other(inputs), model(inputs))


def test_the_seed_draws_the_same_weights_with_and_without(build) -> None:
    class Draws(AuxiliaryLoss):
        def prepare(self) -> None:
            self.prepared = torch.rand(1)

    states = []
    for losses in (None, dict(draws=Draws())):
        model = build('classifier', losses)
        torch.manual_seed(5)
        model.init_weights()
        states.append([*model.state_dict().values(), torch.rand(1)])
    assert all(torch.equal(a, b) for a, b in zip(*states, strict=True))
    assert model.auxiliary_losses.draws.prepared


@pytest.mark.slow
def test_more_losses_may_be_added(build, batch) -> None:
    model = build('classifier', dict(rate=RATE))
    assert add_auxiliary_losses(model, dict(learnt=LEARNT)) is model
    assert {'loss_rate', 'loss_learnt_level'} <= set(step(model, batch('classifier')))


@pytest.mark.parametrize(
    ('losses', 'message'),
    [
        (
            dict(a=dict(type='CrossEntropyLoss')),
            'losses.a must be an AuxiliaryLoss.*CrossEntropyLoss',
        ),
        (dict(a=dict(LEARNT, weight=-1)), 'weight of Learnt must be at least 0, got -1'),
        (dict(a=dict(LEARNT, name='backbone.stage')), r"no module 'backbone.stage'.*stages"),
    ],
)
def test_a_wrong_loss_is_refused_when_the_model_is_built(build, losses: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build('segmentor', losses)


def test_a_taken_name_is_refused(build, batch) -> None:
    model = build('detector', dict(cls=RATE))
    with pytest.raises(ValueError, match="has a loss loss_cls itself: .*'cls' another name"):
        step(model, batch('detector'))
    with pytest.raises(ValueError, match="auxiliary loss 'cls' already"):
        add_auxiliary_losses(model, dict(cls=RATE))


def test_a_loss_without_a_gradient_is_refused(build, batch) -> None:
    model = build('classifier', dict(rate=RATE))
    model.backbone.requires_grad_(False)
    with pytest.raises(ValueError, match="'rate' has no gradient.*frozen"):
        step(model, batch('classifier'))
    model.auxiliary_losses.rate.weight = 0
    data = model.data_preprocessor(batch('classifier'), True)
    assert model(**data, mode='loss')['loss_rate'] == 0


def test_settings_of_the_model_belong_into_it() -> None:
    cfg = dict(type='AuxiliaryLosses', of=dict(type='X'), losses={}, backbone=dict(D=8))
    with pytest.raises(ValueError, match=r'got backbone: .*\(model.of.backbone\)'):
        MODELS.build(cfg)


def test_what_has_no_losses_is_refused() -> None:
    with pytest.raises(ValueError, match='method loss.*got Linear'):
        add_auxiliary_losses(nn.Linear(1, 1), {})
