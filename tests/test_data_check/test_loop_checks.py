"""The data sets of one loop, whatever wraps them; `DataCheckHook` tests what is found in them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from mmengine.dataset import BaseDataset, ConcatDataset

from mmsfa.data_check.fault import DataFaultError
from mmsfa.data_check.loop_checks import class_warnings, datasets_of_loop, file_faults, refuse_empty


class Labelled(BaseDataset):
    """Samples of given classes, without files."""

    METAINFO = dict(classes=('a', 'b', 'c'))

    def __init__(self, labels: tuple[int, ...]) -> None:
        self.labels = labels
        super().__init__()

    def load_data_list(self) -> list[dict]:
        return [dict(gt_label=label) for label in self.labels]


def loop(*labels: int) -> SimpleNamespace:
    return SimpleNamespace(dataloader=SimpleNamespace(dataset=Labelled(labels)))


def test_a_loop_has_one_loader_or_several_or_none() -> None:
    one = loop(0)
    assert list(datasets_of_loop(one)) == [one.dataloader.dataset]
    several = SimpleNamespace(dataloaders=[one.dataloader, loop(1).dataloader])
    assert len(list(datasets_of_loop(several))) == 2
    assert list(datasets_of_loop(SimpleNamespace())) == list(datasets_of_loop(None)) == []


def test_an_empty_set_is_refused_by_the_name_of_its_loader() -> None:
    empty = SimpleNamespace(dataloader=SimpleNamespace(dataset=[]))
    with pytest.raises(DataFaultError, match=r'training set has no sample.* train_dataloader\.'):
        refuse_empty('train', empty)
    refuse_empty('train', loop(0))


def test_classes_without_a_sample_are_named_with_what_follows() -> None:
    assert class_warnings('train', loop(0, 1, 2)) == []
    (training,), (validation,) = (class_warnings(split, loop(0, 2)) for split in ('train', 'val'))
    assert '1 of 3 classes (b), so nothing can learn them' in training
    assert validation.startswith('The validation set') and 'no metric measures them' in validation
    both = ConcatDataset([loop(0).dataloader.dataset, loop(2, 1).dataloader.dataset])
    assert class_warnings('val', SimpleNamespace(dataloader=SimpleNamespace(dataset=both))) == []


def test_samples_without_files_have_no_faulty_ones() -> None:
    assert file_faults(loop(0, 1)) == []
