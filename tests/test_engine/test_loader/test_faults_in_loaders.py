"""What is a bad sample for the training loader, and what is not; who names it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset, pseudo_collate
from mmengine.logging import MMLogger
from torch.multiprocessing import start_processes
from torch.utils.data import DataLoader, Dataset

from mmsfa.data_check import Fault
from mmsfa.engine.loader import ResumableDataLoader
from mmsfa.engine.loader.fault_log import FaultLog
from mmsfa.engine.loader.sample_fetcher import BAD
from mmsfa.engine.loops.resumable_loader_of import labels_of

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


def one_rank(rank: int, folder: str) -> None:
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/meet', rank=rank, world_size=2
    )
    MMLogger.get_instance('named', log_file=f'{folder}/named.log')  # of the first rank
    faults = FaultLog(100, 0.02)
    for _ in range(2):
        faults.add([Fault(f'{rank}.png', 'missing')])
        faults.sum_up()
    torch.distributed.destroy_process_group()


def test_the_first_rank_names_what_others_met(tmp_path: Path) -> None:
    # Forked: a fresh Python could not import this module by its name.
    start_processes(one_rank, (str(tmp_path),), nprocs=2, start_method='fork')
    log = (tmp_path / 'named.log').read_text()
    assert log.count('Bad sample: 0.png') == log.count('Bad sample: 1.png') == 1
    assert log.count('2 bad samples so far (2.00% of 100') == 2


def test_labels_of_detectors_that_read_words_are_left_alone() -> None:
    model = torch.nn.Module()
    model.bbox_head = torch.nn.Module()
    model.bbox_head.num_classes = 256  # tokens
    assert labels_of(model) == (256, 255)
    model.language_model = torch.nn.Module()
    assert labels_of(model) is None
