"""A look into an archive before torch reads it: each refusal says what is wrong."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from mmsfa.checkpoint.loading import BrokenCheckpointError, UnsafeCheckpointError
from mmsfa.checkpoint.loading.archive_check import check_file
from tests.helpers.attacks import code, sizes
from tests.helpers.attacks.pieces import (
    HUGE,
    checkpoint,
    name,
    parts_of,
    state_dict_of,
    storage,
    tensor,
    with_pickle,
    write_parts,
)

UNSAFE = {
    sizes.zip_slip: 'the names inside do not all lie in one folder, once each',
    sizes.two_pickles: 'the names inside do not all lie in one folder, once each',
    sizes.terabytes_in_the_directory: 'it says that it unpacks to 1,099,511,',
    sizes.terabytes_in_a_storage: f'a storage has {4 * HUGE:,} bytes, but its record has 16',
    sizes.storage_beyond_its_record: 'a storage has 20 bytes, but its record has 16',
    sizes.bytearrays: 'it builds a bytearray, which could fill the memory',
    code.extension_code: 'it refers to the pickle extension 1',
    code.persistent_module: 'it refers to something that is no storage of a tensor',
    code.persistent_text: 'it refers to something that is no storage of a tensor',
    code.persistent_path: 'a storage has 8 bytes, but its record has 0',
}


@pytest.mark.parametrize('attack', UNSAFE, ids=lambda attack: attack.__name__)
def test_what_is_asked_for_is_named(tmp_path: Path, marker: Path, attack: Callable) -> None:
    path = tmp_path / 'a.pth'
    attack(path, marker)
    with pytest.raises(UnsafeCheckpointError, match=UNSAFE[attack]) as error:
        check_file(path)
    assert str(error.value).startswith(f'Refused to load {path}: ')
    assert not marker.exists()


def test_torch_compresses_nothing(tmp_path: Path) -> None:
    path = tmp_path / 'a.pth'
    parts = parts_of(checkpoint(note='x' * 10_000))
    write_parts(path, parts)
    check_file(path)
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        for part, data in parts.items():
            archive.writestr(part, data)
    unpacked, size = sum(map(len, parts.values())), path.stat().st_size
    reason = f'unpacks to {unpacked:,} bytes, but the file has {size:,}, and torch compresses'
    with pytest.raises(UnsafeCheckpointError, match=reason):
        check_file(path)


def test_other_archives_are_broken_and_not_unsafe(tmp_path: Path, marker: Path) -> None:
    path = tmp_path / 'a.pth'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('a/readme', 'nothing')
    whole = path.read_bytes()
    with pytest.raises(BrokenCheckpointError, match=r'it has no data\.pkl'):
        check_file(path)
    path.write_bytes(whole[:-10])
    with pytest.raises(BrokenCheckpointError, match='BadZipFile'):
        check_file(path)
    for write, reason in ((code.tar, 'a tar archive'), (code.torchscript, 'TorchScript')):
        write(path, marker)
        with pytest.raises(BrokenCheckpointError, match=reason):
            check_file(path)


def test_a_storage_of_an_unknown_type(tmp_path: Path) -> None:
    path = tmp_path / 'a.pth'
    with_pickle(path, state_dict_of(tensor(4, storage(4, kind='FloatStorage'))))
    check_file(path)
    with_pickle(path, state_dict_of(tensor(4, storage(4, kind='WordStorage'))))
    with pytest.raises(UnsafeCheckpointError, match="a storage of an unknown type, 'Word'"):
        check_file(path)


def test_no_name_in_a_pickle_is_looked_up(tmp_path: Path) -> None:
    """That it is refused is left to the reader."""
    path = tmp_path / 'a.pth'
    with_pickle(path, state_dict_of(name('antigravity', 'fly_to') + b')R'))
    check_file(path)
    assert 'antigravity' not in sys.modules


def test_honest_files_and_what_is_no_archive_pass(tmp_path: Path) -> None:
    path = tmp_path / 'a.pth'
    torch.save(checkpoint(note='x' * 99), path)
    check_file(path)
    for content in (b'', b'junk', b'\x80\x02N.'):
        path.write_bytes(content)
        check_file(path)
