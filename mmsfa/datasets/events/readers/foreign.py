"""Formats that hold events, or labels of events, but are not read here: how to get on."""

from __future__ import annotations

import os

HDF5, AEDAT4 = b'\x89HDF\r\n\x1a\n', b'#!AER-DAT4'
NUMPY, ZIP, ROSBAG = b'\x93NUMPY', b'PK\x03\x04', b'#ROSBAG'

_THEN = (
    'and write a .dat file with write_dat(path, make_events(t, x, y, p)) of mmsfa.datasets.events'
)
_HDF5 = (
    f'read its columns with h5py (import hdf5plugin before, if they are compressed) {_THEN}, or '
    "convert it with metavision_file_to_dat of Prophesee's SDK (not on PyPI)"
)
# The first bytes of a file -> what it is, and what reads it.
_FORMATS = {
    HDF5: ('HDF5', _HDF5),
    AEDAT4: ('AEDAT 4', f'read it with dv-processing (dv.io.MonoCameraRecording) {_THEN}'),
    ZIP: ('a zip archive, such as .npz', f'unpack it, or read its columns with numpy.load {_THEN}'),
    ROSBAG: ('a ROS bag', f'read its columns with rosbags {_THEN}'),
}
_BOXES = {'x', 'y', 'w', 'h', 'class_id'}


def known_format(path: str | os.PathLike, head: bytes) -> tuple[str, str] | None:
    """Tell a format that is known but not read.

    Args:
        path: The file.
        head: Its first bytes, hundreds of them.

    Returns:
        What it is, and how to get events that can be read; None if it is none of these.
    """
    if head.startswith(NUMPY):
        # The header is text: a dictionary with the names of the columns.
        if os.fspath(path).endswith('_bbox.npy') or all(f"'{n}'".encode() in head for n in _BOXES):
            return (
                'boxes of a Prophesee data set (GEN1, 1 Mpx), not events',
                'give the recording beside it, whose name ends with _td.dat instead of _bbox.npy',
            )
        return 'a numpy array', f'read its columns with numpy.load {_THEN}'
    for signature, found in _FORMATS.items():
        if head.startswith(signature):
            return found
    if os.path.splitext(path)[1].lower() in ('.csv', '.txt', '.tsv'):
        return 'a text', f'read its columns with numpy.loadtxt {_THEN}'
    return None
