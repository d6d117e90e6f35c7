"""A folder finds in real pictures what PyTorch finds, in floats and in integers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import init_default_scope

from mmsfa.apis.trained_model import build_model
from mmsfa.errors import OptionError
from mmsfa.export.whole.folder import whole_settings, write_folder
from mmsfa.export.whole.predictions import WholeComparison, predict
from mmsfa.runtime import Model
from mmsfa.runtime.folder import FORMS

ENDINGS = dict(float='', int8='_int8', qdq='_qdq')
# Kind of model -> a folder of ../shared/data with pictures, and how to find them.
REAL = {
    'detector': ('nuclei_dsb2018', 'val/*.png'),
    'segmentor': ('dubai_aerial', 'images/validation/*.jpg'),
    'classifier': ('flowers5', 'val/*/*.jpg'),
}


def batch_of(cfg: Config, path: Path) -> dict:
    """What a loader would give."""
    init_default_scope(cfg.default_scope)
    pipeline = [t for t in cfg.test_dataloader.dataset.pipeline if t.type != 'LoadAnnotations']
    return pseudo_collate([Compose(pipeline)(dict(img_path=str(path), img_id=0))])


def compare(cfg: Config, model: Any, runtime: Model, pictures: list[Path]) -> WholeComparison:
    found = WholeComparison()
    for path in pictures:
        batch = batch_of(cfg, path)
        with torch.no_grad():
            (want,) = model.test_step(batch_of(cfg, path))
        found.add(want, predict(runtime, batch)[0])
    return found


@pytest.mark.parametrize('kind', REAL)
def test_equal_to_pytorch_on_real_pictures(
    written: Callable, shared_data: Callable, kind: str
) -> None:
    cfg, model, folder = written(kind, spiking=kind != 'detector')
    data, pattern = REAL[kind]
    pictures = sorted(shared_data(data).glob(pattern))[:2]
    found = compare(cfg, model, Model(folder, threads=1), pictures)
    assert found.predictions.total > 1
    assert found.predictions.agreeing >= 0.99 * found.predictions.total
    assert found.same_place >= 0.99 * found.instances
    assert (found.instances > 0) == (kind == 'detector')


@pytest.mark.parametrize(
    ('form', 'engine'),
    [(form, 'onnxruntime') for form in FORMS] + [(form, 'openvino') for form in ('float', 'qdq')],
)
def test_drawn_pictures(written: Callable, shapes_dir: Path, form: str, engine: str) -> None:
    pytest.importorskip(engine)
    cfg, model, folder = written('detector')
    runtime = Model(folder, form, threads=1, engine=engine)
    pictures = sorted((shapes_dir / 'images/validation').glob('*'))[:2]
    found = compare(cfg, model, runtime, pictures)
    assert found.predictions.agreeing >= 0.99 * found.predictions.total > 0
    sizes = {one: (folder / f'dense{end}.onnx').stat().st_size for one, end in ENDINGS.items()}
    assert runtime.folder.files['dense'].stat().st_size == sizes[form]
    assert max(sizes['int8'], sizes['qdq']) < 0.5 * sizes['float']
    assert runtime.classes == ['circle', 'square', 'triangle']


def test_what_stays_float(written: Callable) -> None:
    settings = json.loads((written('detector').folder / 'pipeline.json').read_text())
    for form in ('int8', 'qdq'):
        whole = {name for name, files in settings['graphs'].items() if form not in files}
        assert whole == {'roi_align_7x7_2_samples', 'roi_align_14x14_1_samples'}
        assert set(settings['graphs']) == whole | {'dense', 'bbox_head_0', 'mask_head_0'}


def test_an_export_that_breaks_off_leaves_no_settings(tmp_path: Path) -> None:
    (tmp_path / 'pipeline.json').write_text('of an earlier export')
    with pytest.raises(AttributeError):
        write_folder(tmp_path, {}, dict(dense=None), forms=())
    assert not (tmp_path / 'pipeline.json').exists()


def test_what_no_folder_can_hold(small_config: Callable) -> None:
    cfg = small_config('detector')
    cfg.test_dataloader.dataset.pipeline.insert(2, dict(type='CenterCrop', crop_size=64))
    with pytest.raises(OptionError, match='detector or segmentor must not crop'):
        whole_settings(cfg, build_model(cfg))
    cfg = small_config('classifier')
    model = build_model(cfg)
    names = whole_settings(cfg, model)['classes']
    assert names == ['0', '1', '2', '3', '4'], 'without names of the data'


def test_numbers_are_plain(written: Callable) -> None:
    settings = json.loads((written('classifier').folder / 'pipeline.json').read_text())
    assert settings['picture']['mean'] == [128, 128, 128]
    assert settings['picture']['steps'][1] == dict(type='center_crop', size=[128, 128])
    assert np.isfinite(settings['picture']['std']).all()
