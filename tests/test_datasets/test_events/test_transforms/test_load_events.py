"""The first step of a pipeline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mmengine.dataset import Compose

from mmsfa.errors import OptionError

T, SHAPE = 8, (34, 34)


def test_a_pipeline_makes_an_event_tensor(recording: Path, sample: dict) -> None:
    steps = [dict(type='LoadEvents', shape=SHAPE), dict(type='EventsToImage', T=T, by='time')]
    results = Compose(steps)(dict(img_path=str(recording)))
    assert results['img'].shape == (*SHAPE, 2 * T) and results['img'].dtype == np.float32
    assert results['img'].sum() == len(sample['events'])
    assert results['img_shape'] == results['ori_shape'] == SHAPE
    half = len(sample['events']) // 2
    t = sample['events']['t']
    part = Compose(steps)(dict(img_path=str(recording), event_range=(t[0], t[half])))
    assert 0 < part['img'].sum() <= half


def test_events_outside_of_the_camera_name_file_and_option(build, recording: Path) -> None:
    with pytest.raises(OptionError, match=f'{recording}: .*change shape'):
        build('LoadEvents', shape=(20, 34))(dict(img_path=str(recording)))
