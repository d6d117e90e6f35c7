"""What is a bad sample for the training loader, and what is not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.dataset import BaseDataset, pseudo_collate
from mmengine.registry import init_default_scope
from mmpretrain.structures import DataSample
from mmseg.datasets import BaseSegDataset
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from mmsfa.data_check.fault import DataFaultError
from mmsfa.engine.loader import Labels, ResumableDataLoader
from mmsfa.engine.loader.numbered_batches import NumberedBatch
from mmsfa.engine.loader.sample_fetcher import BAD, GOOD, SampleFetcher

LENGTH = 12


class Archive(BaseDataset):
    """Its paths are names in an archive."""

    broken = False

    def load_data_list(self) -> list[dict]:
        return [dict(img_path=f'key/{i}') for i in range(LENGTH)]

    def prepare_data(self, idx: int) -> dict:
        if self.broken:
            raise ConnectionError('no answer')
        return dict(index=idx)


def loader_of(dataset: Dataset) -> ResumableDataLoader:
    plain = DataLoader(dataset, 2, collate_fn=pseudo_collate)
    return ResumableDataLoader(plain, seed=5, max_bad_share=0.2)


def indices(loader: ResumableDataLoader) -> list[int]:
    return [index for batch in loader for index in batch['index']]


def test_paths_that_are_no_files_here() -> None:
    dataset = Archive()
    loader = loader_of(dataset)
    assert indices(loader) == list(range(LENGTH))
    dataset.broken = True
    with pytest.raises(ConnectionError, match='no answer'):
        indices(loader)
    assert not loader.faults.known


class Mixed(Dataset):
    """Each sample needs its right neighbour, as in a mosaic; knows nothing of files."""

    def __init__(self, folder: Path) -> None:
        self.files = [str(folder / f'{i}.png') for i in range(LENGTH)]

    def __len__(self) -> int:
        return LENGTH

    def __getitem__(self, index: int) -> dict:
        for number in (index, (index + 1) % LENGTH):
            results = dict(img_path=self.files[number])
            cv2.imread(results['img_path']).mean()
        return dict(index=index)


class MixedWithInfo(Mixed):
    """Knows the file of each sample, not of its neighbour."""

    def get_data_info(self, index: int) -> dict:
        return dict(img_path=self.files[index])


@pytest.mark.parametrize('kind', [Mixed, MixedWithInfo])
def test_a_bad_picture_among_mixed_ones(tmp_path: Path, kind: type[Mixed]) -> None:
    for i in range(LENGTH):
        cv2.imwrite(str(tmp_path / f'{i}.png'), np.full((8, 8, 3), i, np.uint8))
    (tmp_path / '3.png').unlink()
    loader = loader_of(kind(tmp_path))
    used = indices(loader)
    assert len(used) == LENGTH and not {2, 3} & set(used)
    assert list(loader.faults.known) == [str(tmp_path / '3.png')]
    if kind is MixedWithInfo:  # 2 is sound: with another neighbour it can be used again
        assert loader.fetcher.seen[3] == BAD != loader.fetcher.seen[2]


class Labelled(Dataset):
    """Sample i has label i and a random number."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> dict:
        sample = DataSample().set_gt_label(index)
        return dict(data_samples=sample, drawn=np.random.rand())


def test_a_label_that_the_loss_cannot_take_is_replaced() -> None:
    fetcher = SampleFetcher(Labelled(), seed=5, rank=0, labels=Labels(num_classes=3))
    samples = fetcher(NumberedBatch([2, 3, 3], (0, 0)))
    labels = [int(sample['data_samples'].gt_label) for sample in samples]
    assert labels[0] == 2 and 3 not in labels and len(labels) == 3
    (fault,) = samples.faults  # it is known from then on
    assert fault == ('sample 3', 'label 3 is not in 0..2')
    assert fetcher.seen[3] == BAD and fetcher.seen[2] == GOOD
    unchecked = SampleFetcher(Labelled(), seed=5, rank=0, labels=None)
    assert [int(s['data_samples'].gt_label) for s in unchecked(NumberedBatch([3], (0, 0)))] == [3]


def test_random_numbers_follow_from_the_place_alone() -> None:
    def drawn(seed: int = 5, rank: int = 0, number: tuple = (1, 2), before: int = 0) -> list:
        np.random.rand(before)
        fetcher = SampleFetcher(Labelled(), seed, rank, None)
        return [sample['drawn'] for sample in fetcher(NumberedBatch([1, 1], number))]

    first, second = drawn()
    assert first != second and drawn(before=3) == [first, second]
    others = [drawn(seed=6), drawn(rank=1), drawn(number=(1, 3)), drawn(number=(2, 2))]
    found = [value for pair in others for value in pair]
    assert len({first, second, *found}) == 10


def test_data_without_a_good_sample_end_the_search() -> None:
    fetcher = SampleFetcher(Labelled(), seed=5, rank=0, labels=Labels(num_classes=0))
    fetcher.seen.fill_(BAD)
    with pytest.raises(DataFaultError, match=r'100 samples in a row .*\(named before\)'):
        fetcher(NumberedBatch([0], (0, 0)))
    fetcher.seen.zero_()
    with pytest.raises(DataFaultError, match='sample 0: label 0 is not in'):
        fetcher(NumberedBatch([0], (0, 0)))


def test_a_label_map_whose_numbers_would_not_arrive_is_replaced(tmp_path: Path) -> None:
    for folder in ('images', 'maps'):
        (tmp_path / folder).mkdir()
        for index, mode in enumerate(('L', 'I;16')):
            values = np.full((4, 4), 256 * index + 1, np.uint16 if index else np.uint8)
            image = Image.fromarray(values) if folder == 'maps' else Image.new('RGB', (4, 4))
            image.save(tmp_path / f'{folder}/{index}.{"png" if folder == "maps" else "jpg"}')
            assert folder == 'images' or image.mode == mode
    init_default_scope('mmseg')
    dataset = BaseSegDataset(
        data_root=str(tmp_path),
        data_prefix=dict(img_path='images', seg_map_path='maps'),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')],
    )
    samples = SampleFetcher(dataset, seed=5, rank=0, labels=None)(NumberedBatch([0, 1], (0, 0)))
    assert [Path(sample['seg_map_path']).stem for sample in samples] == ['0', '0']
    (fault,) = samples.faults  # mmseg would read 257 as 1
    assert fault == (
        str(tmp_path / 'maps/1.png'),
        'value 257 of the label map does not fit into 8 bits',
    )
