"""What attack files are put together from: objects that act when unpickled, parts of archives."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

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
