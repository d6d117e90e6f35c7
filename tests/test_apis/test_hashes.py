"""Hashes by which reports name what they speak of."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mmsfa.apis.hashes import file_sha256, text_sha256


def test_a_text_has_the_hash_of_its_bytes() -> None:
    # the example of FIPS 180-4
    assert text_sha256('abc') == 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    assert text_sha256('µ') == hashlib.sha256(b'\xc2\xb5').hexdigest()


def test_a_file_of_several_pieces_is_hashed_whole(tmp_path: Path) -> None:
    path = tmp_path / 'a'
    for content in (b'', b'abc', bytes(range(256)) * 2**13 + b'rest'):  # the last: 2 MiB and more
        path.write_bytes(content)
        assert file_sha256(path) == file_sha256(str(path)) == hashlib.sha256(content).hexdigest()
