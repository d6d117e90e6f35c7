"""The loss of a batch in words, and its pictures."""

from __future__ import annotations

import math

import pytest
import torch
from mmengine.structures import BaseDataElement
from torch import Tensor, nn

from mmsfa.engine.numerics.judged_batch import JudgedBatch


def called(number: int = 3) -> tuple[tuple, dict]:
    """What a model is called with."""
    samples = [BaseDataElement(metainfo=dict(img_path=f'{i}.png')) for i in range(number)]
    return ([torch.ones(2) for _ in range(number)], samples), dict(mode='loss')


def test_terms_are_added_up_as_the_training_does() -> None:
    losses = dict(
        loss_cls=[torch.tensor([1.0, 2.0]), torch.tensor(4.0)],
        aux_loss=torch.tensor(8.0, requires_grad=True),
        acc=torch.tensor(math.nan),
        loss_text='no tensor',
    )
    batch = JudgedBatch.of(*called(), losses)
    assert batch.terms == dict(loss_cls=7, aux_loss=8)
    assert batch.total == 15 and not batch.total.requires_grad
    assert batch.is_finite() and batch.terms_in_words() == 'loss_cls=7, aux_loss=8'


@pytest.mark.parametrize('losses', [{}, dict(acc=torch.ones(())), [torch.ones(2)], torch.ones(2)])
def test_what_is_no_loss_is_not_judged(losses: object) -> None:
    assert JudgedBatch.of(*called(), losses) is None


@pytest.mark.parametrize('bad', [math.nan, math.inf])
def test_the_bad_terms_are_named(bad: float) -> None:
    batch = JudgedBatch.of(*called(), dict(loss_a=torch.tensor(2.0), loss_b=torch.tensor(bad)))
    assert not batch.is_finite() and batch.terms_in_words() == f'loss_b={bad:g}'


def test_bad_pictures_are_named_alone_else_eight_of_all() -> None:
    args, kwargs = called(10)
    batch = JudgedBatch.before(args, kwargs)
    assert batch.bad_inputs() == ''
    assert batch.files_in_words() == (f': {", ".join(f"{i}.png" for i in range(8))} and 2 more')
    args[0][4][1] = math.nan
    assert batch.bad_inputs() == 'inputs' and batch.files_in_words() == ': 4.png'
    args[1][6].set_field(torch.tensor(math.inf), 'target')
    assert batch.bad_inputs() == 'inputs and data_samples'
    assert batch.files_in_words() == ': 4.png, 6.png'
    assert JudgedBatch.before((torch.ones(2),), {}).files_in_words() == ''


class Echo(nn.Module):
    """Gives back how it was called."""

    def forward(self, inputs: Tensor, data_samples: object = None, mode: str = 'x') -> tuple:
        return inputs, data_samples, mode


def test_it_can_be_run_again_in_another_mode() -> None:
    inputs = torch.ones(2)
    batch = JudgedBatch.before((inputs,), dict(data_samples='samples', mode='loss'))
    assert batch.run(Echo(), 'tensor') == (inputs, 'samples', 'tensor')
