"""A classifier that learns from labels and from a teacher."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.model import ExponentialMovingAverage, MMDistributedDataParallel
from mmengine.optim import OptimWrapper
from mmpretrain.models.classifiers import ImageClassifier
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor, nn
from torch.nn import functional as F

from mmsfa.compression.distillation import (
    Teacher,
    hard_distillation_loss,
    soft_distillation_loss,
)
from mmsfa.config.ann_twin import to_ann_twin
from mmsfa.losses import WithAuxiliaryLosses, add_auxiliary_losses
from mmsfa.neurons import SpikingNeuron

SFA = dict(type='mmpretrain.SFA', D=4, norm=1)
HEAD = dict(type='SpikeDistilledLinearClsHead', num_classes=5, in_channels=16, neuron_cfg=SFA)
TEACHER = dict(
    type='ImageClassifier',
    backbone=dict(type='MobileNetV2', widen_factor=0.1, out_indices=(7,)),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=5, in_channels=1280),
)


@pytest.fixture
def teacher_ckpt(tmp_path: Path) -> str:
    torch.manual_seed(1)
    path = tmp_path / 'teacher.pth'
    torch.save(MODELS.build(TEACHER).state_dict(), path)
    return str(path)


def student(lively_weights, **changes) -> nn.Module:
    cfg = dict(
        type='DistilledImageClassifier',
        backbone=dict(type='ESpikeFormer', arch=dict(channels=(8, 8, 16, 16)), out_indices=(4,)),
        neck=dict(type='GlobalAveragePooling'),
        head=HEAD,
        teacher=TEACHER,
    )
    return lively_weights(MODELS.build(cfg | changes))


def batch() -> tuple[Tensor, list[DataSample]]:
    draw = torch.Generator().manual_seed(2)
    samples = [DataSample().set_gt_label(label) for label in (0, 3, 4, 1)]
    return torch.randn(4, 3, 32, 32, generator=draw), samples


@pytest.mark.parametrize('alpha', [0.5, 0.2])
def test_each_head_has_its_own_teacher(lively_weights, teacher_ckpt: str, alpha: float) -> None:
    model = student(lively_weights, teacher_ckpt=teacher_ckpt, kd_alpha=alpha)
    images, samples = batch()
    losses = model.loss(images, samples)
    scores, kd_scores = model.head.forward_heads(model.extract_feat(images))
    preferred = model.teacher(images, model.data_preprocessor).argmax(1)
    labels = torch.tensor([0, 3, 4, 1])
    assert set(losses) == {'loss_cls', 'loss_kd'}
    torch.testing.assert_close(losses['loss_cls'], (1 - alpha) * F.cross_entropy(scores, labels))
    torch.testing.assert_close(losses['loss_kd'], alpha * F.cross_entropy(kd_scores, preferred))


def test_one_head_learns_from_both(lively_weights, teacher_ckpt: str) -> None:
    model = student(
        lively_weights,
        head=HEAD | dict(type='SpikeLinearClsHead'),
        teacher_ckpt=teacher_ckpt,
        kd_type='soft',
        kd_tau=2.0,
    )
    images, samples = batch()
    losses = model.loss(images, samples)
    scores = model.head(model.extract_feat(images))
    p = (model.teacher(images, model.data_preprocessor) / 2).softmax(1)
    divergence = (p * (p.log() - (scores / 2).log_softmax(1))).sum() * 4 / 20
    torch.testing.assert_close(losses['loss_kd'], divergence / 2)


class AsBefore(ImageClassifier):
    """Its losses as they were computed before they became a case of auxiliary losses."""

    def settle(self, teacher: Teacher, alpha: float, kd_loss: Callable) -> AsBefore:
        self.teacher, self.alpha, self.kd_loss = teacher, alpha, kd_loss
        return self

    def loss(self, inputs: Tensor, data_samples: list[DataSample]) -> dict[str, Tensor]:
        feats = self.extract_feat(inputs)
        if hasattr(self.head, 'forward_heads'):
            scores, kd_scores = self.head.forward_heads(feats)
        else:
            scores = kd_scores = self.head(feats)
        losses = self.head._get_loss(scores, data_samples)
        losses['loss_cls'] = (1 - self.alpha) * losses.pop('loss')
        teacher_scores = self.teacher(inputs, self.data_preprocessor)
        losses['loss_kd'] = self.alpha * self.kd_loss(kd_scores, teacher_scores)
        return losses


@pytest.mark.slow
@pytest.mark.parametrize('head', ['SpikeDistilledLinearClsHead', 'SpikeLinearClsHead'])
@pytest.mark.parametrize(('kind', 'alpha', 'tau'), [('hard', 0.5, 1.0), ('soft', 0.3, 2.0)])
def test_losses_and_gradients_are_as_before(
    lively_weights, teacher_ckpt: str, head: str, kind: str, alpha: float, tau: float
) -> None:
    """To the last bit, over two steps."""
    settings = dict(teacher_ckpt=teacher_ckpt, kd_type=kind, kd_alpha=alpha, kd_tau=tau)
    normal = dict(type='ClsDataPreprocessor', mean=[1.0] * 3, std=[2.0] * 3)
    now = student(lively_weights, head=HEAD | dict(type=head), data_preprocessor=normal, **settings)
    before = AsBefore(now.backbone, now.neck, now.head, data_preprocessor=normal)
    before = copy.deepcopy(before).settle(
        Teacher(TEACHER, teacher_ckpt, 'mmpretrain'),
        alpha,
        dict(hard=hard_distillation_loss, soft=partial(soft_distillation_loss, tau=tau))[kind],
    )
    optimizers = [torch.optim.SGD(model.parameters(), lr=0.1) for model in (before, now)]
    images, samples = batch()
    for _ in range(2):
        losses = [model(images, samples, mode='loss') for model in (before, now)]
        assert list(losses[0]) == list(losses[1]) == ['loss_cls', 'loss_kd']
        assert all(torch.equal(value, losses[1][key]) for key, value in losses[0].items())
        for model, optimizer, found in zip((before, now), optimizers, losses, strict=True):
            optimizer.zero_grad()
            model.parse_losses(found)[0].backward()
            optimizer.step()
        pairs = zip(before.parameters(), now.parameters(), strict=True)
        assert all(torch.equal(p.grad, q.grad) and torch.equal(p, q) for p, q in pairs)


def test_it_takes_further_losses(lively_weights, teacher_ckpt: str) -> None:
    losses = dict(rate=dict(type='FiringRateLoss', weight=0.5))
    model = student(lively_weights, teacher_ckpt=teacher_ckpt, losses=losses)
    alone = student(lively_weights, teacher_ckpt=teacher_ckpt)
    found, before = model.loss(*batch()), alone.loss(*batch())
    assert set(found) == {'loss_cls', 'loss_kd', 'loss_rate'} and found['loss_rate'] > 0
    assert all(torch.equal(found[key], value) for key, value in before.items())
    more = add_auxiliary_losses(model, dict(again=losses['rate']))
    assert more is model and 'loss_again' in model.loss(*batch())
    assert set(student(lively_weights, teacher=None, losses=losses).loss(*batch())) == {
        'loss_own',
        'loss_rate',
    }


def test_a_run_draws_the_random_numbers_that_it_drew_before(
    lively_weights, teacher_ckpt: str
) -> None:
    model = student(lively_weights, teacher_ckpt=teacher_ckpt)
    torch.manual_seed(7)
    model.init_weights()
    drawn, weights = torch.rand(1), copy.deepcopy(model.state_dict())
    torch.manual_seed(7)
    model = student(lively_weights, teacher_ckpt=teacher_ckpt)
    torch.manual_seed(7)
    super(WithAuxiliaryLosses, model).init_weights()
    _ = Teacher(TEACHER, teacher_ckpt, 'mmpretrain').model
    assert torch.equal(drawn, torch.rand(1))
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


def test_without_a_teacher_both_heads_learn_the_labels(lively_weights) -> None:
    model = student(lively_weights, teacher=None)
    images, samples = batch()
    (loss,) = model.loss(images, samples).values()
    heads = model.head.forward_heads(model.extract_feat(images))
    labels = torch.tensor([0, 3, 4, 1])
    torch.testing.assert_close(loss, sum(F.cross_entropy(one, labels) for one in heads) / 2)


def test_the_teacher_leaves_no_trace(lively_weights, teacher_ckpt: str) -> None:
    model = student(lively_weights, teacher_ckpt=teacher_ckpt)
    plain = MODELS.build(
        dict(
            type='ImageClassifier',
            backbone=dict(
                type='ESpikeFormer', arch=dict(channels=(8, 8, 16, 16)), out_indices=(4,)
            ),
            neck=dict(type='GlobalAveragePooling'),
            head=HEAD,
        )
    )
    before = copy.deepcopy(model.teacher.model.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    average = ExponentialMovingAverage(model, momentum=0.5)
    for _ in range(2):
        images, samples = batch()
        model.train_step(dict(inputs=images, data_samples=samples), OptimWrapper(optimizer))
        average.update_parameters(model)
    model.train()
    assert not model.teacher.model.training
    after = model.teacher.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)  # BN's statistics too
    assert average.module.teacher is model.teacher
    plain.load_state_dict(model.state_dict(), strict=True)
    assert torch.equal(plain.eval()(batch()[0]), model.eval()(batch()[0]))


@pytest.fixture
def process_group(tmp_path: Path) -> Iterator[None]:
    """A group of one process."""
    store = dist.FileStore(str(tmp_path / 'store'), 1)
    dist.init_process_group('gloo', store=store, rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.parametrize('with_teacher', [True, False])
def test_ddp_finds_no_unused_parameter(
    lively_weights, teacher_ckpt: str, process_group: None, with_teacher: bool
) -> None:
    changes = {} if with_teacher else dict(teacher=None)
    model = student(lively_weights, teacher_ckpt=teacher_ckpt, **changes)
    parallel = MMDistributedDataParallel(model, find_unused_parameters=False)
    wrapper = OptimWrapper(torch.optim.SGD(parallel.parameters(), lr=0.1))
    images, samples = batch()
    before = copy.deepcopy(model.head.state_dict())
    for _ in range(2):  # the second step fails if a parameter of the first had no gradient
        parallel.train_step(dict(inputs=images, data_samples=samples), wrapper)
    assert not any(torch.equal(before[name], now) for name, now in model.head.state_dict().items())


@pytest.mark.parametrize(
    ('setting', 'message'),
    [
        (dict(kd_type='firm'), "kd_type must be 'hard' or 'soft', got 'firm'"),
        (dict(kd_alpha=1.5), r'kd_alpha .* 0..1, got 1.5'),
        (dict(kd_tau=0), r'kd_tau .* greater than 0, got 0'),
    ],
)
def test_settings_out_of_range_are_refused(lively_weights, setting: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        student(lively_weights, **setting)


def test_a_teacher_of_other_classes_is_refused(lively_weights, teacher_ckpt: str) -> None:
    model = student(lively_weights, head=HEAD | dict(num_classes=6), teacher_ckpt=teacher_ckpt)
    with pytest.raises(ValueError, match='num_classes'):
        model.loss(*batch())


def test_the_ann_twin_has_two_ordinary_heads(repo_dir: Path) -> None:
    cfg = Config.fromfile(repo_dir / 'configs/cls/esf_tiny_flowers5_distill.py')
    to_ann_twin(cfg)
    assert cfg.model.head.type == 'DistilledLinearClsHead'
    model = MODELS.build(cfg.model)
    assert cfg.model.teacher and model.teacher.cfg == cfg.model.teacher
    assert not any(isinstance(module, SpikingNeuron) for module in model.modules())
