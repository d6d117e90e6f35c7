"""Plain data that mmengine acts on is disarmed or refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mmsfa.checkpoint.loading import BrokenCheckpointError, UnsafeCheckpointError
from mmsfa.checkpoint.loading.checkpoint_contents import MAX_DEPTH, SHARED, SMALL, disarm
from mmsfa.engine import safe_load, trust_checkpoints
from tests.helpers.attacks.pieces import checkpoint
from tests.helpers.toy_training import toy_runner


def resumable(path: Path, **runtime: object) -> dict:
    """A checkpoint of the toy model after its first epoch."""
    toy_runner(path.parent / 'first').train()
    content = safe_load(path.parent / 'first' / 'epoch_1.pth')
    content['message_hub']['runtime_info'].update(runtime)
    return content


@pytest.mark.parametrize('trusted', [False, True])
def test_config_text_is_not_run_by_resume(tmp_path: Path, marker: Path, trusted: bool) -> None:
    """Mmengine executes ``meta['config']`` as a Python file; with trust it still does."""
    path = tmp_path / 'attack.pth'
    content = resumable(path)
    content['meta']['config'] = f'open({str(marker)!r}, "w").close()\ngpu_ids = [0]'
    torch.save(content, path)
    trust_checkpoints(trusted)
    try:
        runner = toy_runner(tmp_path / 'run', load_from=str(path), resume=True)
        runner.load_or_resume()
    finally:
        trust_checkpoints(False)
    assert runner.iter == 2 and marker.exists() is trusted


@pytest.mark.parametrize(
    ('text', 'number'),
    [
        ('a = 1\ngpu_ids = range(0, 2)\n', 2),
        ('gpu_ids = [0, 1, 2]', 3),
        ("gpu_ids = __import__('os').listdir()", None),
        ('gpu_ids = [print(1)]', None),
        (b'gpu_ids = [0]', None),
        (5, None),
    ],
)
def test_only_the_number_of_gpus_is_kept_of_a_config_text(
    tmp_path: Path, text: object, number: int | None
) -> None:
    path = tmp_path / 'old.pth'
    torch.save(checkpoint(config=text), path)
    kept = safe_load(path)['meta']['config']
    assert kept == ('' if number is None else f'gpu_ids = {list(range(number))}')


def test_a_changed_number_of_gpus_is_still_noticed(tmp_path: Path) -> None:
    path = tmp_path / 'old.pth'
    content = resumable(path)
    content['meta']['config'] = 'gpu_ids = range(0, 8)'
    torch.save(content, path)
    with pytest.raises(RuntimeError, match='Number of GPUs used for current experiment'):
        toy_runner(tmp_path / 'run', load_from=str(path), resume=True).load_or_resume()


def test_a_foreign_config_does_not_travel_into_our_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / 'attack.pth'
    torch.save(resumable(path, cfg='of_somebody = 1'), path)
    toy_runner(tmp_path / 'run', load_from=str(path), resume=True).train()
    assert b'of_somebody' in path.read_bytes()
    assert b'of_somebody' not in (tmp_path / 'run' / 'epoch_2.pth').read_bytes()


def saving_the_best(work_dir: Path, path: Path) -> None:
    """Resume with a checkpoint hook that saves a new best checkpoint at once."""
    hooks = dict(checkpoint=dict(type='CheckpointHook', interval=1, save_best='accuracy',
                                 rule='greater', max_keep_ckpts=1))  # fmt: skip
    runner = toy_runner(work_dir, load_from=str(path), resume=True, default_hooks=hooks)
    runner.load_or_resume()
    hook = next(hook for hook in runner.hooks if hasattr(hook, 'save_best'))
    runner._train_loop = runner.train_loop
    hook.before_train(runner)
    hook.after_val_epoch(runner, dict(accuracy=0.9))


@pytest.mark.parametrize('target', ['elsewhere/thesis.pdf', 'thesis.pdf', 'elsewhere/best_.pth'])
def test_resume_deletes_no_file_that_a_checkpoint_names(
    tmp_path: Path, target: str, capfd: pytest.CaptureFixture
) -> None:
    path, victim = tmp_path / 'attack.pth', tmp_path / target
    victim.parent.mkdir(exist_ok=True)
    victim.write_text('precious')
    content = resumable(path, best_ckpt=str(victim), best_score=0.1, keep_ckpt_ids=['../x', '../y'])
    torch.save(content, path)
    saving_the_best(tmp_path / 'run', path)
    assert victim.read_text() == 'precious'
    assert list((tmp_path / 'run').glob('best_accuracy*'))
    assert victim.name in ''.join(capfd.readouterr())  # and it is said


@pytest.mark.parametrize('moved', [False, True])
def test_the_own_best_checkpoint_is_still_replaced(tmp_path: Path, moved: bool) -> None:
    path, best = tmp_path / 'epoch_1.pth', tmp_path / 'best_accuracy_epoch_1.pth'
    best.write_text('weights')
    stored = '/gone/' + best.name if moved else str(best)
    content = resumable(path, best_ckpt=stored, best_score=0.1, keep_ckpt_ids=[1])
    torch.save(content, path)
    saving_the_best(tmp_path / 'run', path)
    assert not best.exists()


@pytest.mark.parametrize(
    'change', [dict(state_dict=[1]), dict(state_dict={1: 2}), dict(meta='x'), dict(optimizer=3)]
)
def test_parts_of_a_wrong_type_are_a_sentence(tmp_path: Path, change: dict) -> None:
    path = tmp_path / 'odd.pth'
    torch.save(checkpoint() | change, path)
    with pytest.raises(BrokenCheckpointError, match=r'odd.pth is no checkpoint.* must be .*, got'):
        toy_runner(tmp_path / 'run', load_from=str(path), resume=True).load_or_resume()


@pytest.mark.parametrize('part', ['runtime_info', 'resumed_keys', 'log_scalars'])
def test_parts_of_the_message_hub_have_their_types(tmp_path: Path, part: str) -> None:
    path = tmp_path / 'odd.pth'
    torch.save(dict(state_dict={}, meta={}, message_hub={part: [1]}), path)
    with pytest.raises(BrokenCheckpointError, match=f'message_hub.{part} must be a dict, got list'):
        safe_load(path)


def nested(depth: int) -> list:
    content: list = []
    for _ in range(depth):
        content = [content]
    return content


@pytest.mark.parametrize(
    ('value', 'reason'),
    [
        (torch.zeros(1).expand(SMALL), f'claim {4 * SMALL:,} bytes of memory, but the file has 9'),
        (torch.zeros(2).to_sparse(), 'a tensor that is not dense'),
        (torch.zeros(2, device='meta'), 'a tensor that is not dense'),
        (nested(MAX_DEPTH), f'nested more than {MAX_DEPTH} levels deep'),
    ],
)
def test_what_would_fill_the_memory(tmp_path: Path, value: object, reason: str) -> None:
    path = tmp_path / 'a.pth'
    path.write_text('9 bytes..')
    with pytest.raises(UnsafeCheckpointError, match=reason) as error:
        disarm(dict(state_dict={'a': value}), path)
    assert str(error.value).startswith(f'Refused to load {path}: ')


def test_what_a_file_may_claim(tmp_path: Path) -> None:
    """Sixteen times its own size, a little more, and each object once; a URL has no size."""
    path = tmp_path / 'a.pth'
    path.write_bytes(bytes(1000))
    most = torch.zeros(1, dtype=torch.uint8).expand(SHARED * 1000 + SMALL)
    loop: list = [most, most, nested(MAX_DEPTH - 3)]
    loop.append(loop)
    content = dict(state_dict={'a': most}, other=loop)
    assert disarm(content, path) is content
    huge = dict(a=torch.zeros(1).expand(SMALL))
    assert disarm(huge, 'https://localhost/a.pth') is huge
