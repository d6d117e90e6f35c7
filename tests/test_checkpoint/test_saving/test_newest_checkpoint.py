"""Which file a run goes on from, with every kind of spoilt file in the way."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from mmsfa.checkpoint.saving import NoResumableCheckpointError, has_checkpoints, newest_resumable


@pytest.fixture
def run(tmp_path: Path, toy_runner: Callable, request: pytest.FixtureRequest) -> Path:
    """A work dir with epoch_1.pth to epoch_3.pth."""
    work_dir = tmp_path / 'run'
    toy_runner(work_dir, epochs=3).train()
    return work_dir


def change(path: Path, **parts: object) -> None:
    """Save a checkpoint with other parts; None takes one away."""
    checkpoint = torch.load(path, weights_only=False) | parts
    torch.save({key: value for key, value in checkpoint.items() if value is not None}, path)


def flip_a_bit(path: Path) -> None:
    """Of a weight; torch.load does not notice."""
    data = bytearray(path.read_bytes())
    weight = torch.load(path, weights_only=False)['state_dict']['layer.weight']
    data[data.index(weight.numpy().tobytes())] ^= 1
    path.write_bytes(data)
    torch.load(path, weights_only=False)


def another_model(path: Path) -> None:
    change(path, state_dict={'layer.weight': torch.ones(7, 2), 'layer.bias': torch.ones(3)})


SPOILS = {
    'truncated': (lambda path: os.truncate(path, path.stat().st_size // 2), 'cannot be read'),
    'empty': (lambda path: os.truncate(path, 0), 'cannot be read'),
    'deleted': (Path.unlink, 'does not exist'),
    'text': (lambda path: path.write_text('epoch 3\n' * 99), 'cannot be read'),
    'web page': (lambda path: path.write_text('<html>404</html>'), 'web page'),
    'safetensors': (lambda path: save_file({'a': torch.ones(1)}, path), 'cannot be read'),
    'a list': (lambda path: torch.save([1, 2], path), 'it holds a list'),
    'weights only': (lambda path: torch.save(torch.nn.Linear(2, 3).state_dict(), path), 'no meta'),
    'no optimizer': (lambda path: change(path, optimizer=None), 'it has no optimizer'),
    'no iteration': (lambda path: change(path, meta=dict(epoch=3)), 'epoch and iteration'),
    'another model': (another_model, "1 of 2 parameters do not fit, first 'layer.weight'"),
    'missing weights': (lambda path: change(path, state_dict={}), 'which is missing'),
    'a flipped bit': (flip_a_bit, 'checksum'),
}


@pytest.mark.parametrize('spoil', SPOILS)
def test_a_spoilt_newest_file_is_passed_over(
    run: Path, net: type, warnings: list[str], spoil: str
) -> None:
    do, reason = SPOILS[spoil]
    do(run / 'epoch_3.pth')
    assert newest_resumable(run, net()) == str(run / 'epoch_2.pth')
    (warning,) = warnings
    assert str(run / 'epoch_3.pth') in warning and reason in warning
    assert f'goes on from {run / "epoch_2.pth"} instead' in warning


def test_code_in_a_checkpoint_is_passed_over_and_never_runs(
    run: Path, net: type, warnings: list[str], runs_code: object, marker: Path
) -> None:
    change(run / 'epoch_3.pth', extra=runs_code)
    assert newest_resumable(run, net()) == str(run / 'epoch_2.pth')
    assert 'could run code' in warnings[0] and not marker.exists()


def test_a_good_newest_file_is_taken_without_a_word(
    run: Path, net: type, warnings: list[str]
) -> None:
    assert newest_resumable(run, net()) == str(run / 'epoch_3.pth')
    (run / 'last_checkpoint').write_text(str(run / 'epoch_1.pth'))  # the user's choice
    assert newest_resumable(run, net()) == str(run / 'epoch_1.pth')
    (run / 'last_checkpoint').unlink()
    assert newest_resumable(run, net()) == str(run / 'epoch_3.pth')
    assert not warnings


@pytest.mark.parametrize('pointer', [b'', b'\0' * 40, b'junk' * 9999, b'\xff\0'])
def test_several_spoilt_files_are_named_in_one_warning(
    run: Path, warnings: list[str], pointer: bytes
) -> None:
    (run / 'last_checkpoint').write_bytes(pointer)  # empty: by a kill of the stock hook
    os.truncate(run / 'epoch_3.pth', 100)
    assert newest_resumable(run) == str(run / 'epoch_2.pth')
    (warning,) = warnings
    assert 'last_checkpoint is empty or no path' in warning and 'epoch_3.pth' in warning


def test_no_good_file_is_an_error_that_lists_them_all(run: Path) -> None:
    os.truncate(run / 'epoch_1.pth', 100)
    change(run / 'epoch_2.pth', optimizer=None)
    (run / 'epoch_3.pth').unlink()
    with pytest.raises(NoResumableCheckpointError) as error:
        newest_resumable(run)
    message = str(error.value)
    for number, reason in enumerate(('cannot be read', 'no optimizer', 'does not exist'), 1):
        assert f'epoch_{number}.pth' in message and reason in message
    assert '--resume PATH' in message and has_checkpoints(run)


def test_files_that_no_run_goes_on_from_do_not_count(run: Path, tmp_path: Path) -> None:
    empty = tmp_path / 'empty'
    assert newest_resumable(empty) is None and not has_checkpoints(empty)
    empty.mkdir()
    for name in ('best_acc_epoch_1.pth', 'epoch_1-0123abcd.pth', '.epoch_1.pth.77.partial'):
        (empty / name).write_bytes((run / 'epoch_1.pth').read_bytes())
    assert newest_resumable(empty) is None and not has_checkpoints(empty)


def test_a_moved_work_dir_still_resumes(run: Path, tmp_path: Path, warnings: list[str]) -> None:
    moved = Path(shutil.move(run, tmp_path / 'moved'))
    assert newest_resumable(moved) == str(moved / 'epoch_3.pth')
    assert not warnings


def test_other_names_and_folders_are_found(
    tmp_path: Path, toy_runner: Callable, warnings: list[str]
) -> None:
    out = tmp_path / 'out'
    options = dict(out_dir=str(out), filename_tmpl='v2_step{}.pth')
    toy_runner(tmp_path / 'run', epochs=2, **options).train()
    (out / 'run' / 'v2_step2.pth').unlink()
    assert newest_resumable(tmp_path / 'run') == str(out / 'run' / 'v2_step1.pth')
    assert len(warnings) == 1


def test_the_out_dir_is_searched_without_a_pointer(tmp_path: Path, toy_runner: Callable) -> None:
    out, run = tmp_path / 'out', tmp_path / 'run'
    toy_runner(run, epochs=1, out_dir=str(out)).train()
    (run / 'last_checkpoint').unlink()
    assert not has_checkpoints(run) and has_checkpoints(run, out)
    assert newest_resumable(run, out_dir=out) == str(out / 'run' / 'epoch_1.pth')


def test_a_remote_checkpoint_is_left_to_mmengine(tmp_path: Path) -> None:
    (tmp_path / 'last_checkpoint').write_text('s3://bucket/run/epoch_4.pth')
    assert newest_resumable(tmp_path) == 's3://bucket/run/epoch_4.pth'


def test_weights_of_wrapped_parts_fit(run: Path, net: type) -> None:
    stored = torch.load(run / 'epoch_3.pth', weights_only=False)['state_dict']
    wrapped = {re.sub('^layer', 'layer.module', name): value for name, value in stored.items()}
    change(run / 'epoch_3.pth', state_dict=wrapped)
    assert newest_resumable(run, net()) == str(run / 'epoch_3.pth')
