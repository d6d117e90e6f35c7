"""A file that is no checkpoint gets a sentence that says what it is instead."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.runner import load_checkpoint
from torch import nn

from mmsfa.checkpoint.loading import BrokenCheckpointError, MissingCheckpointError
from mmsfa.engine import safe_load


def test_missing_and_junk_files_say_so(tmp_path: Path) -> None:
    with pytest.raises(MissingCheckpointError, match='does not exist'):
        load_checkpoint(nn.Linear(2, 2), str(tmp_path / 'none.pth'))
    whole, cut, junk = (tmp_path / f'{name}.pth' for name in ('whole', 'cut', 'junk'))
    torch.save(nn.Linear(2, 2).state_dict(), whole)
    cut.write_bytes(whole.read_bytes()[:-500])
    junk.write_text('this is no checkpoint')
    for path in (cut, junk):
        with pytest.raises(BrokenCheckpointError, match=rf'{path.name} is no checkpoint'):
            safe_load(path)


@pytest.mark.parametrize(
    ('content', 'hint'),
    [
        (b'<!DOCTYPE html><html>404</html>', 'web page'),
        (b'version https://git-lfs.github.com/spec/v1', 'git lfs pull'),
        (bytes(range(160, 256)), 'cannot be read'),
    ],
)
@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_what_was_downloaded_instead_is_named(
    tmp_path: Path, content: bytes, hint: str, suffix: str
) -> None:
    path = tmp_path / f'weights{suffix}'
    path.write_bytes(content)
    with pytest.raises(BrokenCheckpointError, match=hint):
        safe_load(path)


def test_a_program_is_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / 'script.pth'
    torch.jit.script(nn.Linear(2, 2)).save(path)
    with pytest.raises(BrokenCheckpointError, match='TorchScript'):
        safe_load(path)
