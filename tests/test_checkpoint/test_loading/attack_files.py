"""Checkpoint files as an attacker would write them: each runs code, writes or fills the memory.

`write_all` makes every one in a folder. The code that they carry makes the file `marker`.
"""

from __future__ import annotations

import io
import json
import pickle
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

HUGE = 2**40


class Calls:
    """Unpickling it calls a function."""

    def __init__(self, function: Callable, *args: object) -> None:
        self.call = function, args

    def __reduce__(self) -> tuple:
        return self.call


class SetsState:
    """Unpickling it calls its ``__setstate__`` (the opcode BUILD)."""

    def __init__(self, marker: Path) -> None:
        self.marker = str(marker)

    def __setstate__(self, state: dict) -> None:
        open(state['marker'], 'w').close()


def opens(marker: Path) -> Calls:
    return Calls(open, str(marker), 'w')


def weights() -> dict:
    return {'linear.weight': torch.ones(2, 2), 'linear.bias': torch.zeros(2)}


def checkpoint(**meta: object) -> dict:
    hub = dict(log_scalars={}, runtime_info={}, resumed_keys={})
    return dict(state_dict=weights(), meta=dict(epoch=1, iter=2, **meta), message_hub=hub)


# --- the pieces of an archive, to be put together in another way ---------------------------------


def parts_of(content: object, top: str = 'a') -> dict[str, bytes]:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with zipfile.ZipFile(buffer) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    return {top + '/' + name.split('/', 1)[1]: data for name, data in parts.items()}


def write_parts(path: Path, parts: dict[str, bytes], **more: bytes) -> None:
    with zipfile.ZipFile(path, 'w') as archive:
        for name, data in {**parts, **more}.items():
            archive.writestr(name, data)


def with_pickle(path: Path, code: bytes) -> None:
    write_parts(path, {**parts_of(checkpoint()), 'a/data.pkl': code})


def name(module: str, attribute: str) -> bytes:
    return f'c{module}\n{attribute}\n'.encode()


def text(value: str) -> bytes:
    return b'X' + struct.pack('<I', len(value.encode())) + value.encode()


def long(value: int) -> bytes:
    return b'\x8a\x08' + struct.pack('<q', value)


def storage(numel: int, key: str = '0', kind: str = 'FloatStorage') -> bytes:
    ident = text('storage') + name('torch', kind) + text(key) + text('cpu') + long(numel)
    return b'(' + ident + b'tQ'


def tensor(numel: int, stored: bytes) -> bytes:
    """A vector on a storage, as its rebuilding is pickled."""
    size = long(numel) + b'\x85' + b'K\x01\x85'
    rest = b'\x89' + name('collections', 'OrderedDict') + b')R'
    return (
        name('torch._utils', '_rebuild_tensor_v2') + b'(' + stored + b'K\x00' + size + rest + b'tR'
    )


def state_dict_of(value: bytes) -> bytes:
    return b'\x80\x02}' + text('state_dict') + b'}' + text('linear.bias') + value + b'ss.'


# --- code in a pickle ----------------------------------------------------------------------------


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


# --- tricks with persistent ids, which name storages ---------------------------------------------


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


# --- names and sizes -----------------------------------------------------------------------------


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


# --- safetensors ---------------------------------------------------------------------------------


def safetensors(path: Path, header: object, data: bytes = bytes(8), length: int | None = None):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack('<Q', len(raw) if length is None else length) + raw + data)


def one(start: int, end: int) -> dict:
    return dict(dtype='F32', shape=[(end - start) // 4], data_offsets=[start, end])


def st_is_a_pickle(path: Path, marker: Path) -> None:
    path.write_bytes(pickle.dumps(opens(marker)))


def st_is_an_archive(path: Path, marker: Path) -> None:
    torch.save(checkpoint(x=opens(marker)), path)


def st_huge_header(path: Path, marker: Path) -> None:
    safetensors(path, b'{}', length=2**62)


def st_overlap(path: Path, marker: Path) -> None:
    safetensors(path, dict(a=one(0, 8), b=one(4, 8)))


def st_out_of_range(path: Path, marker: Path) -> None:
    safetensors(path, dict(a=one(0, HUGE)))


def st_negative(path: Path, marker: Path) -> None:
    safetensors(path, dict(a=dict(dtype='F32', shape=[-2], data_offsets=[0, -8])))


def st_shape_overflows(path: Path, marker: Path) -> None:
    safetensors(path, dict(a=dict(dtype='F32', shape=[2**33, 2**31], data_offsets=[0, 8])))


def st_no_json(path: Path, marker: Path) -> None:
    safetensors(path, b'{' + bytes(range(128, 250)))


def _st_meta(path: Path, meta: str) -> None:
    safetensors(path, dict(__metadata__=dict(dataset_meta=meta), a=one(0, 8)))


def st_meta_is_junk(path: Path, marker: Path) -> None:
    _st_meta(path, f'__import__("os").system("touch {marker}")')


def st_meta_is_infinite(path: Path, marker: Path) -> None:
    _st_meta(path, '{"palette": [[Infinity, 0, 0]]}')


def st_meta_is_deep(path: Path, marker: Path) -> None:
    _st_meta(path, '[' * 200_000)


CODE = [
    reduce, build, pickle_in_a_storage, pickle_in_meta, eval_in_the_message_hub, getattr_chain,
    protocol_4, extension_code, objects_of_numpy, legacy, plain_pickle, tar, torchscript,
]  # fmt: skip
IDS = [persistent_module, legacy_persistent_module, persistent_text, persistent_path]
SIZES = [
    zip_slip, two_pickles, zip_bomb, terabytes_in_the_directory, terabytes_in_a_storage,
    storage_beyond_its_record, terabytes_in_a_legacy_storage, expanded_tensor, sparse_tensor,
    new_tensor, bytearrays, nested_lists,
]  # fmt: skip
SAFETENSORS = [
    st_is_a_pickle, st_is_an_archive, st_huge_header, st_overlap, st_out_of_range, st_negative,
    st_shape_overflows, st_no_json, st_meta_is_junk, st_meta_is_infinite, st_meta_is_deep,
]  # fmt: skip
ATTACKS = {attack.__name__: attack for attack in (*CODE, *IDS, *SIZES, *SAFETENSORS)}


def write_all(folder: Path, marker: Path) -> list[Path]:
    """Write every attack into a folder.

    Args:
        folder: Is made.
        marker: The file that the code would make.
    """
    folder.mkdir(parents=True)
    paths = []
    for attack in ATTACKS.values():
        suffix = '.safetensors' if attack in SAFETENSORS else '.pth'
        paths.append(folder / (attack.__name__ + suffix))
        attack(paths[-1], marker)
    return paths
