"""Files that hold events in formats that are not read: the refusal says how to get on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmsfa.datasets.events import EventFileError, make_events, read_events, write_dat

EVENTS = make_events([3, 70], [0, 5], [1, 7], [0, 1])
BOXES = np.zeros(2, [(name, '<f4') for name in ('ts', 'x', 'y', 'w', 'h')] + [('class_id', 'u1')])
THEN = r'and write a .dat file with write_dat\(path, make_events\(t, x, y, p\)\)'


def test_boxes_of_gen1_are_no_recording(tmp_path: Path) -> None:
    for name, content in (('17-03_bbox.npy', np.zeros(2)), ('boxes.npy', BOXES)):
        np.save(tmp_path / name, content)
        with pytest.raises(EventFileError, match=r'boxes of a Prophesee .*; .* _td.dat instead'):
            read_events(tmp_path / name)


@pytest.mark.parametrize(
    ('name', 'content', 'words'),
    [
        ('a.h5', b'\x89HDF\r\n\x1a\n', f'got HDF5; .* h5py .*hdf5plugin.* {THEN} .*_file_to_dat'),
        ('a.bin', b'\x89HDF\r\n\x1a\n', 'got HDF5'),  # the header decides
        ('a.aedat4', b'#!AER-DAT4.0\r\n', f'got AEDAT 4; .* dv-processing .* {THEN}'),
        ('a.npz', b'PK\x03\x04', f'got a zip archive, such as .npz; .* numpy.load {THEN}'),
        ('a.bag', b'#ROSBAG V2.0\n', f'got a ROS bag; .* rosbags {THEN}'),
        ('a.csv', b't,x,y,p\n3,0,1,0\n', f'got a text; .* numpy.loadtxt {THEN}'),
    ],
)
def test_known_formats(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(EventFileError, match=words) as error:
        read_events(tmp_path / name)
    assert str(error.value).startswith(f'{tmp_path / name} cannot be read: at byte 0, ')


def test_the_way_that_the_refusal_names_works(tmp_path: Path) -> None:
    np.save(tmp_path / 'a.npy', EVENTS)
    with pytest.raises(EventFileError, match=f'got a numpy array; .* numpy.load {THEN}'):
        read_events(tmp_path / 'a.npy')
    loaded = np.load(tmp_path / 'a.npy')
    write_dat(tmp_path / 'a.dat', make_events(*(loaded[name] for name in 'txyp')))
    assert read_events(tmp_path / 'a.dat').tolist() == EVENTS.tolist()
