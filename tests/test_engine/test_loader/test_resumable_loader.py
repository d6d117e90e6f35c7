"""Random augmentation, places in the data and bad samples of the training loader."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset, DefaultSampler, InfiniteSampler, pseudo_collate
from mmengine.logging import MMLogger
from torch.utils.data import BatchSampler, DataLoader, Dataset, Sampler, TensorDataset

from mmsfa.data_check.fault import DataFaultError
from mmsfa.engine.loader import ResumableDataLoader
from mmsfa.engine.loader.resumable_loader import NoBatchError

LENGTH = 12


class Pictures(BaseDataset):
    """Real files; each sample is its index and a random number of each generator."""

    def load_data_list(self) -> list[dict]:
        folder = Path(self.data_prefix['img_path'])
        return [dict(img_path=str(folder / f'{i}.png'), number=i) for i in range(LENGTH)]

    def prepare_data(self, idx: int) -> dict:
        info = self.get_data_info(idx)
        cv2.imread(info['img_path']).mean()  # raises when the file is none
        if info['number'] == getattr(self, 'bug_at', None):
            raise RuntimeError('a bug')
        drawn = (random.random(), np.random.rand(), torch.rand(1).item())
        return dict(index=info['number'], drawn=drawn)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for i in range(LENGTH):
        noise = np.random.default_rng(i).integers(0, 255, (16, 16, 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / f'{i}.png'), noise)
    return tmp_path


def loader_of(
    pictures: Path, workers: int = 0, persistent: bool = False, endless: bool = False, **options
) -> ResumableDataLoader:
    dataset = Pictures(data_prefix=dict(img_path=str(pictures)))
    sampler = (InfiniteSampler if endless else DefaultSampler)(dataset, shuffle=True, seed=3)
    plain = DataLoader(
        dataset, batch_sampler=BatchSampler(sampler, 2, drop_last=False), num_workers=workers,
        persistent_workers=persistent, collate_fn=pseudo_collate,
    )  # fmt: skip
    return ResumableDataLoader(plain, 5, endless=endless, **options)


def epoch(loader: ResumableDataLoader, number: int, skip: int = 0) -> list[tuple]:
    loader.batch_sampler.start(number, skip)
    loader.batch_sampler.sampler.set_epoch(number)
    batches = [(batch['index'], batch['drawn']) for batch in loader]
    return [
        (index, drawn)
        for indices, by_generator in batches
        for index, drawn in zip(indices, zip(*by_generator, strict=True), strict=True)
    ]


@pytest.mark.slow
def test_augmentation_is_the_same_for_every_number_of_workers(pictures: Path) -> None:
    found = {}
    for workers, persistent in ((0, False), (1, False), (2, False), (2, True)):
        loader = loader_of(pictures, workers, persistent)
        found[workers, persistent] = [epoch(loader, 0), epoch(loader, 1)]
    first, second = found[0, False]
    assert all(one == found[0, False] for one in found.values())
    assert sorted(i for i, _ in first) == sorted(i for i, _ in second) == list(range(LENGTH))
    drawn = [value for _, values in first + second for value in values]
    assert len(set(drawn)) == 2 * LENGTH * 3  # neither epochs, samples nor generators agree


@pytest.mark.slow
def test_the_stack_repeats_itself(pictures: Path) -> None:
    """The baseline: without persistent workers every epoch draws the same."""
    dataset = Pictures(data_prefix=dict(img_path=str(pictures)))
    from mmengine.runner import Runner

    loader = Runner.build_dataloader(
        dict(
            dataset=dataset, num_workers=2, persistent_workers=False, batch_size=2,
            sampler=dict(type='DefaultSampler', shuffle=False),
        ),
        seed=5,
    )  # fmt: skip
    first, second = ([batch['drawn'] for batch in loader] for _ in range(2))
    assert first == second


def test_two_ranks_draw_differently(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = epoch(loader_of(pictures), 0)
    monkeypatch.setattr('mmsfa.engine.loader.resumable_loader.get_rank', lambda: 1)
    second = epoch(loader_of(pictures), 0)
    assert not {values for _, values in first} & {values for _, values in second}


@pytest.mark.slow
@pytest.mark.parametrize('workers', [0, 2])
def test_it_begins_anywhere(pictures: Path, workers: int) -> None:
    whole = epoch(loader_of(pictures, workers), 1)
    assert epoch(loader_of(pictures, workers), 1, skip=4) == whole[8:]


def test_loading_leaves_the_generators_of_the_model_alone(pictures: Path) -> None:
    def state() -> tuple:
        return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()

    for workers in (0, 1):
        before = state()
        epoch(loader_of(pictures, workers), 0)
        assert state() == before


def take(loader: ResumableDataLoader, number: int) -> list:
    batches = iter(loader)
    return [next(batches) for _ in range(number)]


@pytest.mark.slow
@pytest.mark.parametrize('workers', [0, 2])
def test_an_endless_loader_resumes_beyond_an_epoch(pictures: Path, workers: int) -> None:
    whole = take(loader_of(pictures, workers, endless=True), 20)
    resumed = loader_of(pictures, workers, endless=True)
    resumed.batch_sampler.start(skip=15)
    assert take(resumed, 5) == whole[15:]


def test_an_endless_loader_shuffles_a_finite_sampler_anew(pictures: Path) -> None:
    loader = loader_of(pictures)
    loader.batch_sampler.endless = True
    order = [i for batch in take(loader, 12) for i in batch['index']]
    assert sorted(order[:12]) == sorted(order[12:]) == list(range(LENGTH))
    assert order[:12] != order[12:]


@pytest.mark.slow
def test_the_order_of_another_run_is_taken_over(pictures: Path) -> None:
    for endless in (False, True):
        other = loader_of(pictures, endless=endless)
        mine = loader_of(pictures, endless=endless)
        mine.set_seeds(dict(seed=77, sampler_seed=78))
        theirs, taken = take(other, 6), take(mine, 6)
        assert [b['index'] for b in taken] != [b['index'] for b in theirs]
        again = loader_of(pictures, endless=endless)
        again.set_seeds(mine.seeds())
        assert take(again, 6) == taken


class Log(list):
    """Warnings of the current logger."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        logger = MMLogger.get_instance('faults')
        monkeypatch.setattr(logger, 'callHandlers', lambda record: self.append(record.getMessage()))


@pytest.mark.slow
@pytest.mark.parametrize('workers', [0, 2])
def test_bad_samples_are_replaced_and_named_once(
    pictures: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    log = Log(monkeypatch)
    (pictures / '3.png').unlink()
    (pictures / '7.png').write_bytes((pictures / '7.png').read_bytes()[:-40])
    loader = loader_of(pictures, workers, max_bad_share=0.2)
    first, second = epoch(loader, 0), epoch(loader, 1)
    for indices in ([i for i, _ in first], [i for i, _ in second]):
        assert len(indices) == LENGTH and not {3, 7} & set(indices)
    assert epoch(loader, 0) == first  # also the replacements are a function of the place
    loader.faults.sum_up()
    named = [message for message in log if message.startswith('Bad sample')]
    assert len(named) == 2 and {'3.png' in named[0], '3.png' in named[1]} == {True, False}
    assert log[-1].startswith('2 bad samples so far (16.67% of 12')


@pytest.mark.parametrize('workers', [0, 1])
def test_too_many_bad_samples_stop_with_the_list(pictures: Path, workers: int) -> None:
    for i in (1, 2):
        (pictures / f'{i}.png').write_bytes(b'')
    with pytest.raises(DataFaultError, match=r'2 of 12 samples are bad(.|\n)*[12].png: ') as error:
        epoch(loader_of(pictures, workers, max_bad_share=0.1), 0)
    assert '1.png' in str(error.value) and '2.png' in str(error.value)


def test_an_error_that_is_not_the_datas_is_raised(pictures: Path) -> None:
    loader = loader_of(pictures)
    loader.dataset.bug_at = 4
    with pytest.raises(RuntimeError, match='a bug'):
        epoch(loader, 0)
    assert not loader.faults.known


def test_another_loader_of_the_same_data_gets_them_as_they_are(pictures: Path) -> None:
    """A validation must not judge other pictures than it names."""
    loader = loader_of(pictures)
    (pictures / '3.png').unlink()
    other = DataLoader(loader.dataset, 2, collate_fn=pseudo_collate)
    with pytest.raises(AttributeError):
        list(other)


def test_hooks_read_what_they_read_of_torchs_loader(pictures: Path) -> None:
    """Such as PreciseBNHook of mmpretrain, which divides by the batch size."""
    plain = DataLoader(Pictures(data_prefix=dict(img_path=str(pictures))), 5, drop_last=True)
    loader = ResumableDataLoader(plain, 5)
    for name in ('batch_size', 'sampler', 'drop_last', 'dataset'):
        assert getattr(loader, name) == getattr(plain, name)
    assert len(loader) == len(plain) == 2


@pytest.mark.parametrize('endless', [False, True])
def test_data_that_give_no_batch_are_refused(pictures: Path, endless: bool) -> None:
    plain = DataLoader(Pictures(data_prefix=dict(img_path=str(pictures))), 50, drop_last=True)
    with pytest.raises(NoBatchError, match=r'no batch: 12 samples, batch_size=50\. .*drop_last'):
        next(iter(ResumableDataLoader(plain, 5, endless=endless)))


class Pairs:
    """A batch sampler that shows nothing of itself."""

    def __iter__(self) -> Iterator[list[int]]:
        return iter([[0, 1], [2, 3]])

    def __len__(self) -> int:
        return 2


def test_any_batch_sampler_will_do(pictures: Path) -> None:
    dataset = Pictures(data_prefix=dict(img_path=str(pictures)))
    loader = ResumableDataLoader(DataLoader(dataset, batch_sampler=Pairs(), collate_fn=list), 5)
    assert loader.seeds() == dict(seed=5, sampler_seed=None)
    loader.set_seeds(loader.seeds())
    loader.batch_sampler.start(skip=1)
    assert [[sample['index'] for sample in batch] for batch in loader] == [[2, 3]]


class Unseeded(Sampler):
    """Draws from one of the generators of the process, at the start or all the time."""

    def __init__(self, draw: Callable[[], int], at_start: bool) -> None:
        self.draw, self.at_start = draw, at_start

    def __iter__(self) -> Iterator[int]:
        numbers = (self.draw() for _ in range(len(self)))
        return iter(list(numbers)) if self.at_start else numbers

    def __len__(self) -> int:
        return LENGTH


DRAWS = [
    lambda: random.randrange(LENGTH),
    lambda: np.random.randint(LENGTH),
    lambda: torch.randint(LENGTH, ()).item(),
]


@pytest.mark.slow
@pytest.mark.parametrize('at_start', [False, True])
@pytest.mark.parametrize('draw', DRAWS)
def test_a_sampler_without_a_seed_resumes(
    pictures: Path, draw: Callable[[], int], at_start: bool
) -> None:
    def run(number: int, skip: int = 0) -> list[list[int]]:
        batches = BatchSampler(Unseeded(draw, at_start), 2, drop_last=False)
        dataset = Pictures(data_prefix=dict(img_path=str(pictures)))
        plain = DataLoader(dataset, batch_sampler=batches, collate_fn=pseudo_collate)
        loader = ResumableDataLoader(plain, 5)
        loader.batch_sampler.start(number, skip)
        found = []
        for batch in loader:
            [other() for other in DRAWS]  # the model
            found.append(batch['index'])
        return found

    whole = run(1)
    assert run(1, skip=3) == whole[3:]
    assert run(2) != whole


class Clips(Dataset):
    """Samples that are named by video and frame, as in mmdet's tracking."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: tuple[int, int]) -> tuple:
        return index, random.random()


def test_samples_may_be_named_by_more_than_a_number() -> None:
    names = [[(0, 3), (1, 2)], [(1, 7), (0, 9)]]
    plain = DataLoader(Clips(), batch_sampler=names, collate_fn=list)
    batches = list(ResumableDataLoader(plain, 5))
    assert [[name for name, _ in batch] for batch in batches] == names
    assert len({drawn for batch in batches for _, drawn in batch}) == 4


@pytest.mark.slow
def test_workers_can_be_spawned() -> None:
    """The data set travels to them, and with it what stands in it."""
    data = TensorDataset(torch.arange(4))
    plain = DataLoader(data, 2, num_workers=1, multiprocessing_context='spawn')
    assert [batch[0].tolist() for batch in ResumableDataLoader(plain, 5)] == [[0, 1], [2, 3]]


def test_a_copy_of_the_data_set_is_whole(pictures: Path) -> None:
    loader = loader_of(pictures)
    part = loader.dataset.get_subset([4, 5])
    assert [b['index'] for b in DataLoader(part, 2, collate_fn=pseudo_collate)] == [[4, 5]]


def test_a_share_that_is_none_is_refused(pictures: Path) -> None:
    with pytest.raises(ValueError, match=r'max_bad_share must be between 0 and 1, got 5'):
        loader_of(pictures, max_bad_share=5)
