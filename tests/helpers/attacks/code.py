"""Files that run code in a pickle, and tricks with persistent ids, which name storages."""

from __future__ import annotations

import io
import pickle
import tarfile
from pathlib import Path

import numpy as np
import torch

from tests.helpers.attacks.pieces import (
    Calls,
    SetsState,
    checkpoint,
    name,
    opens,
    state_dict_of,
    storage,
    tensor,
    text,
    with_pickle,
)


def reduce(path: Path, marker: Path) -> None:
    torch.save(checkpoint(x=opens(marker)), path)


def build(path: Path, marker: Path) -> None:
    torch.save(checkpoint(x=SetsState(marker)), path)


def pickle_in_a_storage(path: Path, marker: Path) -> None:
    inner = io.BytesIO()
    torch.save(opens(marker), inner)
    torch.save(checkpoint(x=Calls(torch.storage._load_from_bytes, inner.getvalue())), path)


def pickle_in_meta(path: Path, marker: Path) -> None:
    torch.save(checkpoint(x=Calls(pickle.loads, pickle.dumps(opens(marker)))), path)


def eval_in_the_message_hub(path: Path, marker: Path) -> None:
    content = checkpoint()
    content['message_hub']['runtime_info']['x'] = Calls(eval, f'open({str(marker)!r}, "w")')
    torch.save(content, path)


def getattr_chain(path: Path, marker: Path) -> None:
    """Climb from ``getattr`` to builtins.exec, and call it as ``__setstate__`` of a log history."""

    def attribute_of(owner: bytes, attribute: str) -> bytes:
        return name('builtins', 'getattr') + b'(' + owner + text(attribute) + b'tR'

    builtins = attribute_of(name('builtins', 'getattr'), '__self__')
    history = name('mmengine.logging.history_buffer', 'HistoryBuffer') + b')R'
    state = b'}' + text('__setstate__') + attribute_of(builtins, 'exec') + b'sb'
    with_pickle(path, b'\x80\x02' + history + state + text(f'open({str(marker)!r}, "w")') + b'b.')


def protocol_4(path: Path, marker: Path) -> None:
    torch.save(checkpoint(x=opens(marker)), path, pickle_protocol=4)


def extension_code(path: Path, marker: Path) -> None:
    with_pickle(path, b'\x80\x02\x82\x01.')


def objects_of_numpy(path: Path, marker: Path) -> None:
    """An array of pointers whose values the file chooses."""
    torch.save(checkpoint(x=Calls(np.ndarray, (1,), np.dtype('O'), b'A' * 8)), path)


def legacy(path: Path, marker: Path) -> None:
    content = checkpoint(x=opens(marker))
    torch.save(content, path, _use_new_zipfile_serialization=False)


def plain_pickle(path: Path, marker: Path) -> None:
    path.write_bytes(pickle.dumps(checkpoint(x=opens(marker))))


def tar(path: Path, marker: Path) -> None:
    """The oldest format, which is unpacked into a folder, with a name that leads out of it."""
    with tarfile.open(path, 'w') as archive:
        for member in ('storages', 'tensors', 'pickle', '../slipped_out'):
            data = pickle.dumps(opens(marker))
            info = tarfile.TarInfo(member)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def torchscript(path: Path, marker: Path) -> None:
    torch.jit.script(torch.nn.Linear(2, 2)).save(path)


# --- persistent ids ------------------------------------------------------------------------------


def persistent_module(path: Path, marker: Path) -> None:
    """Torch compares the source of a "module" and may write a patch file."""
    source = text(str(marker)) + text('changed')
    with_pickle(path, b'\x80\x02(' + text('module') + name('torch.nn', 'Linear') + source + b'tQ.')


def legacy_persistent_module(path: Path, marker: Path) -> None:
    torch.save(checkpoint(), path, _use_new_zipfile_serialization=False)
    head = path.read_bytes()
    start = head.index(b'\x80\x02}', 30)
    source = text(str(marker)) + text('changed')
    kind = name('torch.nn.parameter', 'Parameter')
    evil = b'\x80\x02(' + text('module') + kind + source + b'tQ.'
    path.write_bytes(head[:start] + evil + pickle.dumps([], 2))


def persistent_text(path: Path, marker: Path) -> None:
    with_pickle(path, b'\x80\x02' + text(f'file://{marker}') + b'Q.')


def persistent_path(path: Path, marker: Path) -> None:
    """The key of a storage leads out of the archive."""
    with_pickle(path, state_dict_of(tensor(2, storage(2, '../../../../etc/hostname'))))
