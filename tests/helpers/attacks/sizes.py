"""Files whose names lead out of the archive and whose sizes fill the memory."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

import torch

from tests.helpers.attacks.pieces import (
    HUGE,
    checkpoint,
    long,
    name,
    opens,
    parts_of,
    state_dict_of,
    storage,
    tensor,
    with_pickle,
    write_parts,
)


def zip_slip(path: Path, marker: Path) -> None:
    up = '/'.join(['..'] * 2)
    write_parts(path, {**parts_of(checkpoint()), f'a/{up}/slipped_out': b'x', str(marker): b'x'})


def two_pickles(path: Path, marker: Path) -> None:
    """Torch reads the first one, Python's zipfile the last: who checks that one is deceived."""
    write_parts(path, parts_of(checkpoint(x=opens(marker))))
    with warnings.catch_warnings(), zipfile.ZipFile(path, 'a') as archive:
        warnings.simplefilter('ignore')
        archive.writestr('a/data.pkl', parts_of(checkpoint())['a/data.pkl'])


def zip_bomb(path: Path, marker: Path) -> None:
    parts = parts_of(checkpoint())
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for part, data in parts.items():
            archive.writestr(part, data)
        with archive.open('a/data/bomb', 'w', force_zip64=True) as file:
            for _ in range(2**8):
                file.write(bytes(2**22))


def terabytes_in_the_directory(path: Path, marker: Path) -> None:
    with zipfile.ZipFile(path, 'w') as archive:
        for part, data in parts_of(checkpoint()).items():
            archive.writestr(part, data)
        archive.getinfo('a/data/0').file_size = HUGE


def terabytes_in_a_storage(path: Path, marker: Path) -> None:
    with_pickle(path, state_dict_of(tensor(HUGE, storage(HUGE))))


def storage_beyond_its_record(path: Path, marker: Path) -> None:
    """The memory behind the record would be read as weights."""
    with_pickle(path, state_dict_of(tensor(5, storage(5))))


def terabytes_in_a_legacy_storage(path: Path, marker: Path) -> None:
    content = dict(state_dict={'linear.bias': torch.zeros(3)})
    torch.save(content, path, _use_new_zipfile_serialization=False)
    data = path.read_bytes()
    assert data.count(b'K\x03N') == 1  # the size of the storage, and no view of it
    path.write_bytes(data.replace(b'K\x03N', long(HUGE) + b'N'))


def expanded_tensor(path: Path, marker: Path) -> None:
    """One number that claims to be many terabytes: the first copy fills the memory."""
    torch.save(dict(state_dict={'linear.bias': torch.zeros(1).expand(HUGE)}), path)


def sparse_tensor(path: Path, marker: Path) -> None:
    value = torch.sparse_coo_tensor([[0]], [1.0], (HUGE,), check_invariants=False)
    torch.save(dict(state_dict={'linear.bias': value}), path)


def new_tensor(path: Path, marker: Path) -> None:
    with_pickle(path, state_dict_of(name('torch', 'Tensor') + long(HUGE) + b'\x85\x81'))


def bytearrays(path: Path, marker: Path) -> None:
    with_pickle(path, state_dict_of(name('builtins', 'bytearray') + long(2**32) + b'\x85R'))


def nested_lists(path: Path, marker: Path) -> None:
    with_pickle(path, state_dict_of(b']' * 100_000 + b'a' * 99_999))
