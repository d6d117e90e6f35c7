"""Safetensors files with a header that lies, or that are something else."""

from __future__ import annotations

import json
import pickle
import struct
from pathlib import Path

import torch

from tests.helpers.attacks.pieces import HUGE, checkpoint, opens


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
