"""Pictures of one name in several folders: each keeps a file of its own in a test."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmcv.transforms import LoadImageFromFile
from mmdet.engine.hooks import DetVisualizationHook
from mmdet.structures import DetDataSample
from mmdet.visualization import DetLocalVisualizer
from mmengine.dataset import BaseDataset
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData, PixelData
from mmpretrain.engine.hooks import VisualizationHook
from mmpretrain.structures import DataSample
from mmpretrain.visualization import UniversalVisualizer
from mmseg.evaluation import IoUMetric
from mmseg.structures import SegDataSample

from mmsfa.engine import OutputsApartHook
from mmsfa.errors import OptionError
from mmsfa.visualization.events import EventVisualizer
from tests.helpers.encoded_pictures import JPEG, tagged

NAMES = ['a/0.jpg', 'b/0.jpg', 'b/c/0.jpg']


class Listed(BaseDataset):
    """What its metainfo lists."""

    def load_data_list(self) -> list[dict]:
        return self.metainfo['infos']


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    """Of 60 x 40 pixels; the second one is to be shown turned."""
    paths = [tmp_path / 'in' / name for name in NAMES]
    for path, data in zip(paths, (JPEG, tagged('.jpg', 6), JPEG), strict=True):
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    return list(map(str, paths))


def runner_of(
    pictures: list[str], tmp_path: Path, visualizer: Any = None, metrics: Any = (), **load: Any
) -> Any:
    """What the hooks ask of a runner."""
    dataset = Listed(
        metainfo=dict(infos=[dict(img_path=path) for path in pictures]),
        pipeline=[LoadImageFromFile(**load)],
    )
    loop = SimpleNamespace(
        dataloader=SimpleNamespace(dataset=dataset), evaluator=SimpleNamespace(metrics=metrics)
    )
    return SimpleNamespace(
        test_loop=loop, visualizer=visualizer, work_dir=str(tmp_path), timestamp='now'
    )


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob('*') if path.is_file()}


def test_drawn_detections(pictures: list[str], tmp_path: Path) -> None:
    visualizer = DetLocalVisualizer.get_instance('apart', vis_backends=None)
    none = InstanceData(bboxes=torch.zeros(0, 4), labels=torch.zeros(0), scores=torch.zeros(0))
    samples = [DetDataSample(metainfo=dict(img_path=p), pred_instances=none) for p in pictures]
    for colour, size in (('color', (40, 60)), ('color_ignore_orientation', (60, 40))):
        out = tmp_path / colour
        runner = runner_of(pictures, tmp_path, visualizer, color_type=colour)
        hook, apart = DetVisualizationHook(draw=True, test_out_dir=str(out)), OutputsApartHook()
        apart.before_test(runner)
        hook.after_test_iter(runner, 0, {}, samples)
        apart.after_test(runner)
        assert files(out) == set(NAMES)
        assert len(cv2.imread(str(out / NAMES[1]))) == size[1]  # as the model has seen it
        assert len(cv2.imread(str(out / NAMES[0]))) == 40
    hook = DetVisualizationHook(draw=True, test_out_dir=str(tmp_path / 'without'))
    hook.after_test_iter(runner, 0, {}, samples)
    assert files(tmp_path / 'without') == {'0.jpg'}  # mmdet alone, and ours leaves no trace


@pytest.mark.parametrize('kind', [UniversalVisualizer, EventVisualizer])
def test_drawn_classes_of_four_channels(
    pictures: list[str], tmp_path: Path, kind: type[UniversalVisualizer]
) -> None:
    visualizer = kind.get_instance('apart', vis_backends=None)
    visualizer.dataset_meta = dict(classes=['one', 'two'])
    samples = [DataSample(metainfo=dict(img_path=path)).set_pred_label(1) for path in pictures]
    runner = runner_of(pictures, tmp_path, visualizer)
    apart, hook = OutputsApartHook(), VisualizationHook(enable=True, interval=1)
    hook.out_dir = str(tmp_path / 'out')
    apart.before_test(runner)
    hook.after_test_iter(runner, 0, dict(inputs=torch.full((3, 4, 40, 60), 100)), samples)
    apart.after_test(runner)
    assert files(tmp_path / 'out') == {f'{name}_0.png' for name in NAMES}


def sample_of(path: str) -> dict:
    label = PixelData(data=torch.zeros(1, 4, 4, dtype=torch.int64))
    return SegDataSample(
        metainfo=dict(img_path=path), pred_sem_seg=label, gt_sem_seg=label
    ).to_dict()


def test_label_maps(pictures: list[str], tmp_path: Path) -> None:
    out = tmp_path / 'out'
    metric = IoUMetric(output_dir=str(out))
    metric.dataset_meta = dict(classes=['one'])
    runner = runner_of(pictures, tmp_path, metrics=Evaluator([metric]).metrics)
    apart = OutputsApartHook()
    apart.before_test(runner)
    metric.process({}, list(map(sample_of, pictures)))
    assert metric.output_dir == str(out) and len(metric.results) == 3
    apart.after_test(runner)
    assert files(out) == {name.replace('jpg', 'png') for name in NAMES}
    assert np.asarray(cv2.imread(str(out / 'a/0.png'), cv2.IMREAD_UNCHANGED)).shape == (4, 4)
    flat = [str(Path(pictures[0]).with_name(name)) for name in ('1.jpg', '2.jpg')]
    apart.before_test(runner_of(flat, tmp_path, metrics=[metric]))
    metric.process({}, [sample_of(flat[0])])
    assert '1.png' in files(out)  # one folder alone adds none
    apart.after_test(runner_of(flat, tmp_path))
    distinct = [pictures[0], str(Path(pictures[1]).with_name('7.jpg'))]
    apart.before_test(runner_of(distinct, tmp_path, metrics=[metric]))
    metric.process({}, [sample_of(distinct[1])])
    assert '7.png' in files(out)  # nor do names that differ, as in mmseg alone
    twins = [pictures[0], str(Path(pictures[0]).with_suffix('.png'))]
    with pytest.raises(OptionError, match=r'label maps of .*0\.jpg and .*0\.png to one file'):
        OutputsApartHook().before_test(runner_of(twins, tmp_path, metrics=[metric]))
