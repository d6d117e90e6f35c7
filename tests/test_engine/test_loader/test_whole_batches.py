"""The user's data set stays as it is, and hooks and workers find it where torch has it."""

from __future__ import annotations

import pickle
from types import SimpleNamespace

import pytest
import torch
from mmdet.engine.hooks import PipelineSwitchHook
from mmengine.dataset import BaseDataset, pseudo_collate
from mmengine.logging import MMLogger
from mmengine.registry import TRANSFORMS
from torch.utils.data import DataLoader, TensorDataset, get_worker_info

from mmsfa.engine.loader import ResumableDataLoader
from mmsfa.engine.loader.whole_batches import WholeBatches

LENGTH = 6


@TRANSFORMS.register_module()
class AddToNumber:
    """A transform with a result that tells which pipeline was run."""

    def __init__(self, more: int) -> None:
        self.more = more

    def __call__(self, results: dict) -> dict:
        return dict(number=results['number'] + self.more)


class Numbers(BaseDataset):
    """Real mmengine data set, without files."""

    def load_data_list(self) -> list[dict]:
        return [dict(number=number) for number in range(LENGTH)]


def numbers() -> Numbers:
    return Numbers(pipeline=[dict(type='AddToNumber', more=0)])


def resumable(dataset: object, **options) -> ResumableDataLoader:
    return ResumableDataLoader(DataLoader(dataset, 2, collate_fn=pseudo_collate, **options), 5)


def values(loader: ResumableDataLoader | DataLoader) -> list[int]:
    return [value for batch in loader for value in batch['number']]


@pytest.mark.parametrize('workers', [0, 2])
def test_nothing_is_written_on_the_data_set(workers: int) -> None:
    dataset = numbers()
    before = dict(vars(dataset))
    assert values(resumable(dataset, num_workers=workers)) == list(range(LENGTH))
    assert vars(dataset) == before and not hasattr(dataset, '__getitems__')


def test_two_loaders_share_a_data_set() -> None:
    """Each counts its own bad samples and draws from its own seed."""
    dataset = numbers()
    one, other = resumable(dataset), resumable(dataset)
    other.set_seeds(dict(seed=7, sampler_seed=None))
    first = iter(one)
    next(first)
    assert values(other) == list(range(LENGTH))
    assert [batch['number'] for batch in first] == [[2, 3], [4, 5]]
    assert one.fetcher.seed == 5 and one.fetcher.seen is not other.fetcher.seen
    assert one.dataset is other.dataset is dataset
    assert values(DataLoader(dataset, 2, collate_fn=pseudo_collate)) == list(range(LENGTH))


def test_a_plain_list_can_be_resumed() -> None:
    plain = DataLoader(list('abcdef'), 2, collate_fn=list)
    assert ResumableDataLoader.fits(plain)
    loader = ResumableDataLoader(plain, 5)
    loader.batch_sampler.start(skip=1)
    assert list(loader) == [['c', 'd'], ['e', 'f']]


@pytest.mark.slow
@pytest.mark.parametrize('workers', [0, 2])
def test_hooks_switch_the_pipeline(workers: int) -> None:
    """mmdet's hook writes to the data set and asks persistent workers to begin anew."""
    loader = resumable(numbers(), num_workers=workers, persistent_workers=workers > 0)
    assert values(loader) == list(range(LENGTH))
    hook = PipelineSwitchHook(1, [dict(type='AddToNumber', more=10)])
    logger = MMLogger.get_instance('switch')
    for epoch in (1, 2):
        runner = SimpleNamespace(epoch=epoch, train_dataloader=loader, logger=logger)
        hook.before_train_epoch(runner)
        assert values(loader) == list(range(10, 10 + LENGTH))


def test_a_hook_sets_another_collate_function() -> None:
    loader = resumable(numbers())
    loader.collate_fn = len
    assert list(loader) == [2, 2, 2]
    loader.collate_fn = loader.collate_fn  # does not wrap it twice
    assert list(loader) == [2, 2, 2]


def double_what_the_worker_has(worker_id: int) -> None:
    dataset = get_worker_info().dataset
    dataset.tensors = tuple(2 * tensor for tensor in dataset.tensors)


def test_workers_find_the_data_set_they_know() -> None:
    plain = DataLoader(
        TensorDataset(torch.arange(4)), 2, num_workers=1, worker_init_fn=double_what_the_worker_has
    )
    assert [batch[0].tolist() for batch in ResumableDataLoader(plain, 5)] == [[0, 2], [4, 6]]


def test_options_of_torchs_loader_are_found() -> None:
    loader = resumable(numbers(), num_workers=2, persistent_workers=True, prefetch_factor=3)
    assert (loader.num_workers, loader.persistent_workers, loader.prefetch_factor) == (2, True, 3)
    with pytest.raises(AttributeError, match='no_such_option'):
        _ = loader.no_such_option


def test_a_pickled_data_set_is_whole() -> None:
    batches = pickle.loads(pickle.dumps(WholeBatches([3, 4], len)))
    assert (len(batches), batches[1], batches.__getitems__([0, 1])) == (2, 4, 2)
