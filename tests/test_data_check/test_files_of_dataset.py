"""The files of data sets in any wrapper."""

from __future__ import annotations

import torch
from mmengine.dataset import BaseDataset, ConcatDataset, RepeatDataset
from torch.utils.data import Subset

from mmsfa.data_check.files_of_dataset import files_in


class Toy(BaseDataset):
    """Named pictures."""

    def load_data_list(self) -> list[dict]:
        return [dict(img_path=f'{self.ann_file}{i}.jpg', seg_map_path='map') for i in range(3)]


def test_files_inside_any_wrapper() -> None:
    a, b = Toy('a'), Toy('b')
    assert files_in(a) == ['a0.jpg', 'a1.jpg', 'a2.jpg']  # no step reads the label map
    assert files_in(torch.utils.data.ConcatDataset([RepeatDataset(a, 2), ConcatDataset([b])])) == [
        *files_in(a),
        *files_in(b),
    ]
    assert files_in(Subset(a, [2, 0])) == ['a2.jpg', 'a0.jpg']
    assert files_in([1, 2, 3]) == []
    with_maps = Toy('a', pipeline=[Reads()])
    assert files_in(with_maps) == ['a0.jpg', 'map', 'a1.jpg', 'a2.jpg']


class Reads:
    """A pipeline step that reads label maps."""

    with_seg = True

    def __call__(self, results: dict) -> dict:
        return results
