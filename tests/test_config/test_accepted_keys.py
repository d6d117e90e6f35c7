"""Which keys a class takes, by its signature and its source."""

from __future__ import annotations

import functools

import pytest
from mmengine.hooks import CheckpointHook
from mmengine.optim import AmpOptimWrapper, DefaultOptimWrapperConstructor
from torch.utils.data import DataLoader

from mmsfa.config.accepted_keys import accepted_by, nearest, words_of


class Closed:
    def __init__(self, size: int) -> None:
        self.size = size


class HandsOn(Closed):
    def __init__(self, colour: str, **kwargs: int) -> None:
        super().__init__(**kwargs)


def renamed(init):
    @functools.wraps(init)
    def old_names_too(self, *args, sze: int = 0, **kwargs):
        init(self, *args, **kwargs)

    return old_names_too


class Renamed:
    @renamed
    def __init__(self, size: int) -> None: ...


@pytest.mark.parametrize(
    ('kind', 'taken', 'refused'),
    [
        (Closed, ['size', 'type', '_scope_', '_delete'], ['siz', 'colour']),
        (HandsOn, ['size', 'colour', 'far_off'], []),
        (AmpOptimWrapper, ['loss_scale', 'clip_grad', 'accumulative_counts'], ['clip_gard']),
        (DataLoader, ['batch_size', 'persistent_workers'], ['batchsize', 'num_worker']),
        # It keeps what it does not know for somebody else.
        (CheckpointHook, ['interval', 'of_some_backend', 'filename_tmpl'], ['intervall']),
    ],
)
def test_keys_of_a_class(kind: type, taken: list[str], refused: list[str]) -> None:
    accepted = accepted_by(kind)
    assert not [key for key in taken if accepted.refuses(key)]
    assert [key for key in refused if accepted.refuses(key)] == refused


def test_names_that_a_decorator_takes_are_not_refused() -> None:
    accepted = accepted_by(Renamed)
    assert accepted.open and not accepted.refuses('sze')


def test_what_is_taken_out_before() -> None:
    assert accepted_by(Closed).refuses('priority')
    assert not accepted_by(Closed, 'priority').refuses('priority')


def test_words_that_a_source_reads() -> None:
    words = words_of(DefaultOptimWrapperConstructor)
    assert {'bias_lr_mult', 'lr_mult', 'custom_keys'} <= words
    assert not {'bias_lr_mul', 'lr_mul'} & words
    assert words_of(len) == frozenset()  # written in C


def test_nearest() -> None:
    assert nearest('score_th', ['score_thr', 'nms']) == 'score_thr'
    assert nearest('optimizer', ['optim_wrapper']) is None
