"""Predictions of a batch are those of its pictures alone, also on several processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.dataset import DefaultSampler
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from PIL import Image

import mmsfa.det  # noqa: F401
from mmsfa.engine.hooks import DataCheckHook
from mmsfa.engine.loader import SameSizeBatchSampler
from mmsfa.spiking import in_float64
from tests.helpers.demo_configs import CLASSES, DET

SIZES = [(64, 64), (96, 64), (64, 64), (64, 96), (96, 64), (64, 64), (96, 64)]  # (width, height)
SAME_SIZE = dict(type='SameSizeBatchSampler')


class Pictures:
    """A data set of pictures that tell their sizes, as those in the form of COCO do."""

    def __init__(self, sizes: list[tuple[int, int]]) -> None:
        self.sizes = sizes

    def __len__(self) -> int:
        return len(self.sizes)

    def get_data_info(self, index: int) -> dict:
        return dict(zip(('width', 'height'), self.sizes[index], strict=True))


def test_batches_have_one_size_and_the_last_picture_stays_last() -> None:
    sampler = SameSizeBatchSampler(DefaultSampler(Pictures(SIZES), shuffle=False), batch_size=2)
    assert list(sampler) == [[0, 2], [1, 4], [3], [5], [6]]
    assert len(sampler) == 5
    full = SameSizeBatchSampler(DefaultSampler(Pictures(SIZES), shuffle=False), batch_size=4)
    assert list(full) == [[0, 2, 5], [3], [1, 4, 6]] and len(full) == 3


def test_sizes_come_from_the_files_where_the_annotations_lack_them(tmp_path: Path) -> None:
    class Files(Pictures):
        def get_data_info(self, index: int) -> dict:
            path = tmp_path / f'{index}.png'
            Image.new('L', self.sizes[index]).save(path)
            return dict(img_path=str(path))

    sampler = SameSizeBatchSampler(DefaultSampler(Files(SIZES), shuffle=False), batch_size=4)
    assert list(sampler) == [[0, 2, 5], [3], [1, 4, 6]]


@pytest.mark.parametrize('world', [2, 3])
def test_processes_together_give_each_picture_once(world: int) -> None:
    """As mmengine collects: one result of each process in turn, what lies beyond is dropped."""
    dataset, orders = Pictures(SIZES), []
    for rank in range(world):
        sampler = DefaultSampler(dataset, shuffle=False)
        sampler.rank, sampler.world_size = rank, world
        sampler.num_samples = -(-len(dataset) // world)
        sampler.total_size = sampler.num_samples * world
        orders.append([index for batch in SameSizeBatchSampler(sampler, 2) for index in batch])
    collected = [index for of_all in zip(*orders, strict=True) for index in of_all]
    assert sorted(collected[: len(dataset)]) == list(range(len(dataset)))


@pytest.fixture
def of_three_sizes(tmp_path: Path) -> Path:
    """A data set in the form of COCO: noise, without annotations."""
    images = []
    draw = torch.Generator().manual_seed(0)
    for number, (width, height) in enumerate(SIZES):
        pixels = torch.randint(0, 256, (height, width, 3), dtype=torch.uint8, generator=draw)
        Image.fromarray(pixels.numpy()).save(tmp_path / f'{number}.png')
        images.append(dict(id=number, file_name=f'{number}.png', width=width, height=height))
    categories = [dict(id=number, name=name) for number, name in enumerate(CLASSES[DET])]
    content = dict(images=images, annotations=[], categories=categories)
    (tmp_path / 'all.json').write_text(json.dumps(content))
    return tmp_path


def test_predictions_are_those_of_single_pictures(
    of_three_sizes: Path, lively_weights, capsys: pytest.CaptureFixture
) -> None:
    """And without the sampler they are not, which is said."""
    cfg = Config.fromfile(DET)
    init_default_scope('mmdet')
    model = lively_weights(MODELS.build(cfg.model)).eval()
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='Resize', scale=(96, 96), keep_ratio=True),
        dict(type='PackDetInputs', meta_keys=('img_id', 'img_shape', 'ori_shape', 'scale_factor')),
    ]
    dataset = dict(
        type='CocoDataset',
        ann_file='all.json',
        data_root=str(of_three_sizes),
        data_prefix=dict(img=''),
        metainfo=cfg.metainfo,
        pipeline=pipeline,
        test_mode=True,
    )

    def predict(**loader) -> dict[int, torch.Tensor]:
        hook, found = DataCheckHook(), {}
        sampler = dict(type='DefaultSampler', shuffle=False)
        settings = dict(dataset=dataset, num_workers=0, sampler=sampler)
        with torch.no_grad(), in_float64(model):
            for number, batch in enumerate(Runner.build_dataloader(settings | loader)):
                hook.before_val_iter(None, number, batch)
                for sample in model.test_step(batch):
                    found[sample.img_id] = sample.pred_instances.scores
        return found

    single = predict(batch_size=1)
    together = predict(batch_size=4, batch_sampler=SAME_SIZE)
    assert len(single) == len(SIZES) and all(len(scores) for scores in single.values())
    assert 'SameSizeBatchSampler' not in capsys.readouterr().out
    for number, scores in single.items():
        torch.testing.assert_close(together[number], scores, rtol=0, atol=1e-5)

    padded = predict(batch_size=4)
    assert any(
        len(padded[n]) != len(scores) or (padded[n] - scores).abs().max() > 1e-3
        for n, scores in single.items()
    )
    assert capsys.readouterr().out.count('SameSizeBatchSampler') == 1
