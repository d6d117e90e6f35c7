"""Clips of pictures and recordings of events are samples, too."""

from __future__ import annotations

from pathlib import Path

from mmsfa.data_check import check_image
from tests.helpers.encoded_pictures import PNG


def test_clips_and_recordings(tmp_path: Path) -> None:
    clip = tmp_path / 'clip'
    clip.mkdir()
    assert 'without pictures' in check_image(str(clip))
    (clip / '0.png').write_bytes(PNG)
    assert check_image(str(clip), deep=True) is None
    (clip / '1.png').write_bytes(PNG[:-100])
    assert check_image(str(clip), deep=True).startswith('1.png in this folder: truncated')
    events = tmp_path / 'a.bin'
    events.write_bytes(bytes(5 * 3))
    assert check_image(str(events), deep=True) is None
    events.write_bytes(bytes(5 * 3 + 1))
    assert check_image(str(events)) is None
    assert 'at byte' in check_image(str(events), deep=True)
    other = tmp_path / 'volume.npy'
    other.write_bytes(b'anything')
    assert check_image(str(other)) is None
