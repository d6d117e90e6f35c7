"""Find the checkpoint that a run goes on from."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

from mmengine.logging import print_log
from torch import nn

from mmsfa.errors import UserError

from .resumable_file import fault_of

POINTER = 'last_checkpoint'
_NAME = re.compile(r'(?:epoch|iter)_\d+\.pth')


class NoResumableCheckpointError(UserError, RuntimeError):
    """There are checkpoints, but a run cannot go on from any of them."""


def checkpoint_folder(work_dir: str | os.PathLike, out_dir: str | os.PathLike | None) -> Path:
    """Where a checkpoint hook saves: `out_dir` of the hook gets a folder named as the work dir."""
    return Path(work_dir) if out_dir is None else Path(out_dir, Path(work_dir).name)


def has_checkpoints(work_dir: str | os.PathLike, out_dir: str | os.PathLike | None = None) -> bool:
    """Whether a run has saved anything, be it good or not; opens no checkpoint."""
    return bool(_pointed_at(Path(work_dir)) is not None or _candidates(work_dir, out_dir))


def newest_resumable(
    work_dir: str | os.PathLike,
    model: nn.Module | None = None,
    out_dir: str | os.PathLike | None = None,
) -> str | None:
    """The checkpoint to go on from: what ``last_checkpoint`` names, else the newest good one.

    Args:
        work_dir: Of the run.
        model: Of the run; without it, the weights are not compared.
        out_dir: Of the checkpoint hook.

    Returns:
        A path; None if nothing was ever saved. One warning names every file that was passed over,
        with the reason, and the one that is taken.

    Raises:
        NoResumableCheckpointError: There are checkpoints, but none is good.
    """
    pointed = _pointed_at(Path(work_dir))
    if pointed is not None and '://' in pointed:  # not here: mmengine loads it, or says why not
        return pointed
    reasons = []
    if pointed == '':
        reasons.append(f'{Path(work_dir, POINTER)} is empty or no path.')
    for path in _candidates(work_dir, out_dir):
        reason = fault_of(path, model)
        if reason is None:
            if reasons:
                _warn(reasons, path)
            return str(path)
        reasons.append(reason)
    if not reasons:
        return None
    raise NoResumableCheckpointError(
        f'No checkpoint in {work_dir} can be resumed: {" ".join(reasons)} Name a good one with '
        '--resume PATH, or start anew with another --work-dir.'
    )


def _pointed_at(work_dir: Path) -> str | None:
    """What ``last_checkpoint`` says; None if there is no such file, '' if it names none."""
    pointer = work_dir / POINTER
    if not pointer.is_file():
        return None
    text = pointer.read_bytes()[:4096].decode(errors='replace').strip()
    try:
        Path(text).exists()
    except (OSError, ValueError):  # no name that a file can have
        return ''
    return '' if '\0' in text else text


def _candidates(work_dir: str | os.PathLike, out_dir: str | os.PathLike | None) -> list[Path]:
    """First what the pointer names, be it there or not, then the other files, newest first."""
    folders = [Path(work_dir), checkpoint_folder(work_dir, out_dir)]
    names, first = [_NAME], []
    pointed = _pointed_at(Path(work_dir))
    if pointed and '://' not in pointed:
        path = Path(pointed)
        here = Path(work_dir, path.name)  # the whole work dir may have been moved
        path = here if here.exists() and not path.exists() else path
        first = [path]
        folders.append(path.parent)
        # `filename_tmpl` of the hook: the same name with another number
        parts = re.split(r'\d+', path.name)
        names.append(re.compile(r'\d+'.join(map(re.escape, parts))))
    found = {
        path.resolve(): path
        for folder in folders
        if folder.is_dir()
        for path in folder.iterdir()
        if any(name.fullmatch(path.name) for name in names) and path.is_file()
    }
    for path in first:
        found.pop(path.resolve(), None)
    return first + sorted(found.values(), key=_age)


def _age(path: Path) -> tuple[int, int]:
    numbers = re.findall(r'\d+', path.name)
    return -path.stat().st_mtime_ns, -int(numbers[-1] if numbers else 0)


def _warn(reasons: list[str], taken: Path) -> None:
    print_log(
        f'Resume: {" ".join(reasons)} The run goes on from {taken} instead.',
        logger='current',
        level=logging.WARNING,
    )
