"""Python and numpy."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from mmcv.transforms import Compose

from mmsfa.checkpoint.loading.allowed_globals import multiarray
from tests.test_private_api.rows import row


@row('_Unpickler', used_by='checkpoint/loading/archive_check.py')
def pickle_has_a_reader_in_python(folder: Path) -> None:
    asked: list[Any] = []

    class Reader(pickle._Unpickler):
        def find_class(self, module: str, name: str) -> Callable:
            asked.append((module, name))
            return dict

        def persistent_load(self, pid: Any) -> int:
            asked.append(pid)
            return 7

    class Writer(pickle.Pickler):
        def persistent_id(self, value: Any) -> str | None:
            return 'storage' if value == 5 else None

    file = BytesIO()
    Writer(file, protocol=2).dump([Path, 5])
    assert Reader(BytesIO(file.getvalue())).load() == [dict, 7]
    assert asked == [(Path.__module__, 'Path'), 'storage']
    put = b'\x80\x02' + b'Nr' + (1 << 30).to_bytes(4, 'little') + b'.'  # LONG_BINPUT, a huge index
    assert Reader(BytesIO(put)).load() is None, 'the reader in Python keeps a dict, not an array'


@row('_core', used_by='checkpoint/loading/allowed_globals.py')
def numpy_pickles_by_these_names(folder: Path) -> None:
    assert multiarray.scalar(np.dtype('f4'), np.float32(2).tobytes()) == 2
    names = {f'{module}.multiarray' for module in ('numpy.core', 'numpy._core')}
    assert np.float32(2).__reduce__()[0].__module__ in names
    assert np.zeros(1).__reduce__()[0].__module__ in names


@row('the local variable `results` of transforms', used_by='data_check/diagnose.py')
def transforms_call_their_sample_results(folder: Path) -> None:
    from mmcv.transforms import LoadImageFromFile

    path = folder / 'a.png'
    path.write_bytes(b'junk')
    try:
        Compose([LoadImageFromFile()])(dict(img_path=str(path)))
    except Exception as error:
        frames, seen = error.__traceback__, []
        while frames:
            seen.append(frames.tb_frame.f_locals.get('results'))
            frames = frames.tb_next
    assert any(isinstance(one, dict) and one.get('img_path') == str(path) for one in seen)
