"""Look into a checkpoint archive before torch reads it: names, sizes, and what its pickle asks for.

torch trusts the sizes that an archive declares: a file of a kilobyte can ask for terabytes, and
older versions even read memory beyond a record. Nothing here is ever unpacked to disk.
"""

from __future__ import annotations

import pickle
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

from .checkpoint_errors import broken, start_of, unsafe

# Bytes of one element, by the name of the storage class that torch writes.
ITEM_SIZES = {
    **dict.fromkeys(('Untyped', 'Byte', 'Char', 'Bool', 'QInt8', 'QUInt8'), 1),
    **dict.fromkeys(('QUInt4x2', 'QUInt2x4'), 1),
    **dict.fromkeys(('Half', 'BFloat16', 'Short'), 2),
    **dict.fromkeys(('Float', 'Int', 'QInt32'), 4),
    **dict.fromkeys(('Double', 'Long', 'ComplexFloat'), 8),
    'ComplexDouble': 16,
}


class _Asked(Exception):
    """The pickle asks for what no checkpoint needs."""


def check_file(path: Path) -> None:
    """Refuse a file whose outside is already wrong; reads no weights.

    Args:
        path: Anything but a ``.safetensors`` file.

    Raises:
        UnsafeCheckpointError: Its names or sizes are those of an attack.
        BrokenCheckpointError: It is another kind of archive, or damaged.
    """
    start = start_of(path)
    if start[257:262] == b'ustar':
        raise broken(ValueError('it is a tar archive, as torch wrote them before 0.1.10'), path)
    if not start.startswith(b'PK\x03\x04'):
        return  # a plain pickle, or junk: the reader says so
    try:
        with zipfile.ZipFile(path) as archive:
            _check_archive(archive, path)
    except _Asked as error:
        raise unsafe(path, str(error)) from None
    except OSError:
        raise
    except Exception as error:
        raise broken(error, path) from None


def _check_archive(archive: zipfile.ZipFile, path: Path) -> None:
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    tops = {name.split('/')[0] for name in names}
    if len(tops) != 1 or len(set(names)) != len(names) or any(map(_leads_out, names)):
        raise _Asked(
            'the names inside do not all lie in one folder, once each, which is how torch names '
            'them'
        )
    declared, size = sum(entry.file_size for entry in entries), path.stat().st_size
    if declared > size:
        raise _Asked(
            f'it says that it unpacks to {declared:,} bytes, but the file has {size:,}, and torch '
            'compresses nothing'
        )
    top = tops.pop()
    if f'{top}/constants.pkl' in names:
        raise ValueError('its parts are those of TorchScript')
    if f'{top}/data.pkl' not in names:
        raise ValueError('it has no data.pkl')
    sizes = {entry.filename: entry.file_size for entry in entries}
    _Scan(archive.read(f'{top}/data.pkl'), f'{top}/data/', sizes).load()


def _leads_out(name: str) -> bool:
    return name.startswith('/') or '\\' in name or '\0' in name or '..' in name.split('/')


class _Inert:
    """Stands for every class and function that a pickle names; can be anything, does nothing."""

    def __new__(cls, *_: Any, **__: Any) -> _Inert:
        return object.__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def _nothing(self, *_: Any) -> None: ...

    __setstate__ = __setitem__ = append = extend = add = update = _nothing


class _Storage(str):
    """The name of a storage class."""

    __slots__ = ()


# The version in Python: the one in C lets a file of a few bytes allocate gigabytes (PUT).
class _Scan(pickle._Unpickler):
    """Walk through a pickle without one name in it being looked up.

    Args:
        data: The pickle.
        folder: Where the archive keeps the storages.
        sizes: Bytes of every record.
    """

    def __init__(self, data: bytes, folder: str, sizes: dict[str, int]) -> None:
        super().__init__(BytesIO(data))
        self.folder, self.sizes = folder, sizes

    def find_class(self, module: str, name: str) -> Any:
        """Never the real one."""
        if module in ('builtins', '__builtin__') and name == 'bytearray':
            raise _Asked('it builds a bytearray, which could fill the memory')
        if module.startswith('torch') and name.endswith('Storage'):
            return _Storage(name[: -len('Storage')])
        return _Inert

    def get_extension(self, code: int) -> None:
        """Numbers instead of names: nobody writes them."""
        raise _Asked(f'it refers to the pickle extension {code}')

    def persistent_load(self, pid: Any) -> _Inert:
        """A storage must be as long as its record."""
        if not (
            isinstance(pid, tuple)
            and len(pid) == 5
            and pid[0] == 'storage'
            and isinstance(pid[1], _Storage)
            and type(pid[2]) is type(pid[3]) is str
            and type(pid[4]) is int
        ):
            raise _Asked('it refers to something that is no storage of a tensor')
        if pid[1] not in ITEM_SIZES:
            raise _Asked(f'it holds a storage of an unknown type, {pid[1]!r}')
        declared, there = pid[4] * ITEM_SIZES[pid[1]], self.sizes.get(self.folder + pid[2], 0)
        if declared != there:
            raise _Asked(
                f'it says that a storage has {declared:,} bytes, but its record has {there:,}'
            )
        return _Inert()
