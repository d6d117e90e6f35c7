"""The header lines of Prophesee ``.raw`` and ``.dat`` files."""

from __future__ import annotations

Header = dict[str, str]


def split_header(data: bytes) -> tuple[Header, int]:
    """Read the lines that begin with ``%``, up to ``% end`` if there is one.

    Args:
        data: The whole file.

    Returns:
        The first word of each line, in small letters, with the rest of the line; and the number of
        bytes of the header.
    """
    header: Header = {}
    start = 0
    while data[start : start + 1] == b'%':
        end = data.find(b'\n', start)
        if end < 0:
            break
        key, _, value = data[start + 1 : end].decode('latin-1').strip().partition(' ')
        header[key.lower()] = value.strip()
        start = end + 1
        if key.lower() == 'end':
            break
    return header, start
