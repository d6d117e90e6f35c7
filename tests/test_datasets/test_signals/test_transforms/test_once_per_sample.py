"""Steps that run once for each sample."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from mmsfa.errors import OptionError

ENCODE = [dict(type='LoadSignal'), dict(type='TAEEncode')]


def test_a_file_is_read_once_and_parts_apart(build, tmp_path: Path) -> None:
    path = tmp_path / 'a.npy'
    np.save(path, np.arange(8.0))
    step = build('OncePerSample', transforms=ENCODE)
    whole = step(dict(img_path=str(path), gt_label=3))
    assert whole['spikes'].shape == (1, 8) and whole['gt_label'] == 3 and 'signal' not in whole
    part = step(dict(img_path=str(path), signal_range=(2, 5)))
    assert part['spikes'].shape == (1, 3)
    os.remove(path)
    again = step(dict(img_path=str(path), gt_label=4))
    assert again['spikes'] is whole['spikes'] and again['gt_label'] == 4


def test_what_the_steps_do_not_give_cannot_be_kept(build, tmp_path: Path) -> None:
    np.save(tmp_path / 'a.npy', np.arange(8.0))
    step = build('OncePerSample', transforms=ENCODE[:1])
    with pytest.raises(OptionError, match="give no 'spikes', but img_path, signal"):
        step(dict(img_path=str(tmp_path / 'a.npy')))
