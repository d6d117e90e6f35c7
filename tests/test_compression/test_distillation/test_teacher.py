"""A teacher is no part of its student, and it is trained, or training does not begin."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest
import torch
from mmengine.model import BaseDataPreprocessor
from mmpretrain.registry import MODELS
from torch import nn

from mmsfa.compression.distillation import Teacher, TeacherError

NET = dict(
    type='ImageClassifier',
    backbone=dict(type='MobileNetV2', widen_factor=0.1, out_indices=(7,)),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=5, in_channels=1280),
)
TIMM = dict(type='TimmClassifier', model_name='test_resnet', num_classes=5)
PLAIN = BaseDataPreprocessor()


@pytest.fixture
def checkpoint(tmp_path: Path) -> str:
    """Weights of NET, in the form that a training leaves behind."""
    torch.manual_seed(1)
    path = tmp_path / 'teacher.pth'
    torch.save(dict(meta={}, state_dict=MODELS.build(NET).state_dict()), path)
    return str(path)


@pytest.fixture
def config(tmp_path: Path) -> str:
    """NET and its normalisation in a config file."""
    path = tmp_path / 'teacher.py'
    path.write_text(
        f'default_scope = "mmpretrain"\nmodel = {NET}\n'
        'data_preprocessor = dict(mean=[1.0] * 3, std=[2.0] * 3)\n'
    )
    return str(path)


def test_it_answers_as_the_model_does_in_evaluation(checkpoint: str) -> None:
    model = MODELS.build(NET)
    model.load_state_dict(torch.load(checkpoint)['state_dict'])
    images = torch.randn(2, 3, 32, 32, requires_grad=True)
    answer = Teacher(NET, checkpoint, 'mmpretrain')(images, PLAIN)
    assert torch.equal(answer, model.eval()(images).detach())
    assert not answer.requires_grad


def test_three_ways_to_name_the_same_weights(checkpoint: str, config: str) -> None:
    images = torch.randn(2, 3, 32, 32)
    init_cfg = dict(type='Pretrained', checkpoint=checkpoint)
    own = dict(NET, data_preprocessor=dict(mean=[1.0] * 3, std=[2.0] * 3))
    ways = ((config, checkpoint), (own, checkpoint), (own | dict(init_cfg=init_cfg), None))
    answers = [Teacher(cfg, path, 'mmpretrain')(images, PLAIN) for cfg, path in ways]
    assert torch.equal(answers[0], answers[1]) and torch.equal(answers[0], answers[2])
    plain = Teacher(NET, checkpoint, 'mmpretrain')
    assert torch.equal(answers[0], plain((images - 1) / 2, PLAIN))


def test_it_is_no_part_of_its_student(checkpoint: str) -> None:
    student = nn.Linear(1, 1)
    student.teacher = teacher = Teacher(NET, checkpoint, 'mmpretrain')
    model = teacher.model
    student.train().double()
    assert set(student.state_dict()) == {'weight', 'bias'}
    assert len(list(student.modules())) == 1
    assert not any(module.training for module in model.modules())
    assert not any(weight.requires_grad for weight in model.parameters())
    assert copy.deepcopy(student).teacher is teacher  # a moving average shares it


def test_nothing_is_built_before_it_is_asked() -> None:
    Teacher(dict(type='NoSuchModel'), 'no_such_file.pth')


def test_a_checkpoint_replaces_the_weights_of_timm(tmp_path: Path) -> None:
    model = MODELS.build(TIMM)
    torch.save(model.state_dict(), tmp_path / 'timm.pth')
    # `pretrained` would ask the network
    teacher = Teacher(dict(TIMM, pretrained=True), str(tmp_path / 'timm.pth'), 'mmpretrain')
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(teacher(images, PLAIN), model.eval()(images).detach())


def test_an_untrained_teacher_is_refused() -> None:
    for cfg in (NET, TIMM):
        with pytest.raises(TeacherError, match='names no weights: set teacher_ckpt'):
            _ = Teacher(cfg, None, 'mmpretrain').model


def test_missing_files_are_named(checkpoint: str, config: str) -> None:
    with pytest.raises(TeacherError, match='config file .* is not there. The config gone.py'):
        _ = Teacher('gone.py', checkpoint).model
    with pytest.raises(TeacherError, match='checkpoint of the teacher is not there: gone.pth'):
        _ = Teacher(config, 'gone.pth').model


def test_outputs_of_its_modules(checkpoint: str) -> None:
    teacher = Teacher(NET, checkpoint, 'mmpretrain')
    images = torch.randn(2, 3, 32, 32)
    found = teacher.outputs(['neck', 'head', 'backbone.conv1'], images, PLAIN)
    assert torch.equal(found['head'][0], teacher(images, PLAIN))
    assert torch.equal(found['neck'][0][0], teacher.model.extract_feat(images)[0])
    assert found['backbone.conv1'][0].shape[2:] == (16, 16)
    ((scores,),) = teacher.outputs([''], images, PLAIN).values()
    assert torch.equal(scores, found['head'][0])
    head = teacher.model.head
    head.forward = None  # it is not asked where nobody wants its scores
    assert torch.equal(teacher.outputs(['neck'], images, PLAIN)['neck'][0][0], found['neck'][0][0])
    with pytest.raises(ValueError, match="no module 'neck.gone'"):
        teacher.outputs(['neck.gone'], images, PLAIN)


def test_what_a_student_learnt_with_is_no_part_of_it_as_a_teacher(
    checkpoint: str, config: str, tmp_path: Path
) -> None:
    """Config and checkpoint of a training with auxiliary losses."""
    state = torch.load(checkpoint)['state_dict']
    state['auxiliary_losses.kd.projections.0.weight'] = torch.ones(1, 1, 1, 1)
    torch.save(dict(state_dict=state), tmp_path / 'student.pth')
    text = Path(config).read_text().replace('model = ', 'net = ')
    student = tmp_path / 'student.py'
    student.write_text(f'{text}model = dict(type="AuxiliaryLosses", of=net, losses=dict())\n')
    images = torch.randn(2, 3, 32, 32)
    answers = [
        Teacher(*files)(images, PLAIN)
        for files in ((config, checkpoint), (str(student), str(tmp_path / 'student.pth')))
    ]
    assert torch.equal(*answers)


def test_its_model_is_not_pickled(checkpoint: str) -> None:
    teacher = Teacher(NET, checkpoint, 'mmpretrain')
    images = torch.randn(1, 3, 32, 32)
    answer = teacher(images, PLAIN)
    assert len(pickle.dumps(teacher)) < 10_000
    assert torch.equal(pickle.loads(pickle.dumps(teacher))(images, PLAIN), answer)


def test_weights_of_another_model_are_refused(checkpoint: str) -> None:
    wider = dict(NET, head=dict(NET['head'], num_classes=6))
    with pytest.raises(TeacherError, match='does not fit the teacher'):
        _ = Teacher(wider, checkpoint, 'mmpretrain').model


def test_timm_is_named_when_it_is_missing(environment) -> None:
    environment.remove('timm', 'timm-*')
    program = (
        'import mmsfa; from mmsfa.compression.distillation import Teacher; '
        f'Teacher(dict({TIMM!r}, pretrained=True), None, "mmpretrain").model'
    )
    result = environment.run('-c', program)
    assert result.returncode == 1
    assert 'StackError: timm must be installed' in result.stderr
    assert "pip install 'mmsfa[timm]'" in result.stderr
