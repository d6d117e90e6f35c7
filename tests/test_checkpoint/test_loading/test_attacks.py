"""Every attack file by every way of loading: refused with a sentence, and nothing is touched."""

from __future__ import annotations

import contextlib
import hashlib
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.infer import BaseInferencer
from mmengine.logging import HistoryBuffer

from mmsfa.checkpoint.loading import BrokenCheckpointError
from mmsfa.engine import UnsafeCheckpointError, safe_load, trust_checkpoints
from tests.helpers.attacks import ATTACKS, CODE, IDS, write_all
from tests.helpers.attacks.pieces import checkpoint, opens, weights
from tests.helpers.attacks.sizes import two_pickles
from tests.helpers.toy_training import ToyModel, toy_runner

REFUSALS = {'UnsafeCheckpointError', 'BrokenCheckpointError', 'SystemExit'}  # the last: tools
INERT_FOR_PICKLE = {'extension_code', 'objects_of_numpy', 'torchscript'}


def snapshot(folder: Path) -> dict[str, str]:
    """Every file below a folder with the hash of its content."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else 'folder'
        for path in folder.rglob('*')
    }


def test_all_files_by_all_ways(
    run_python: Callable[..., CompletedProcess], tmp_path: Path, marker: Path
) -> None:
    """In one child process that may take 2 GiB more than its imports did."""
    paths = write_all(tmp_path / 'box' / 'attacks', marker)
    before = snapshot(tmp_path)
    scratch, temporary = (tmp_path.with_name(f'{tmp_path.name}_{name}') for name in ('run', 'tmp'))
    temporary.mkdir()
    child = Path(__file__).with_name('attack_child.py')
    done = run_python(child, paths[0].parent, scratch, TMPDIR=str(temporary), OMP_NUM_THREADS='1')
    assert done.returncode == 0, done.stderr[-3000:]

    lines = [line.partition('TRY')[2] for line in done.stdout.splitlines() if 'TRY{' in line]
    tries = [json.loads(line) for line in lines]
    safe = {one['attack'] for one in tries if one['way'] == 'safe_load'}
    assert safe == set(ATTACKS) and len(safe) >= 40
    for one in tries:
        assert one['kind'] in REFUSALS, one
        said = one['said'].strip()
        file = next(path for path in paths if path.stem == one['attack'])
        assert '\n' not in said and (str(file) in said), one
        assert '--trust-checkpoint' in said or 'trust_checkpoints()' in said or 'again' in said, one
    assert snapshot(tmp_path) == before and not marker.exists()
    assert list(temporary.iterdir()) == []
    assert not list(scratch.rglob('*.pth'))
    assert float(done.stdout.partition('GROWN')[2]) < 1024  # MiB


@pytest.mark.parametrize('attack', [*CODE, *IDS, two_pickles], ids=lambda attack: attack.__name__)
def test_the_files_are_no_paper_tigers(attack: Callable, tmp_path: Path, marker: Path) -> None:
    """With full trust most of them do what they are written for."""
    path = tmp_path / 'attack.pth'
    attack(path, marker)
    with contextlib.suppress(Exception):  # after the code has run, or instead
        torch.load(path, weights_only=False)
    harmless = attack.__name__ in INERT_FOR_PICKLE or attack in IDS
    assert marker.exists() is not harmless


# --- plain data that mmengine acts on ------------------------------------------------------------


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


class ToyInferencer(BaseInferencer):
    visualize = postprocess = _init_pipeline = None

    def __init__(self) -> None:
        pass

    def _load_weights_to_model(self, model, checkpoint, cfg) -> None:
        model.load_state_dict(checkpoint['state_dict'])


@pytest.mark.parametrize('place', ['meta', 'message_hub'])
@pytest.mark.parametrize('attack', ['code', 'pure data'])
def test_config_text_is_not_built_by_inferencers(
    tmp_path: Path, marker: Path, place: str, attack: str
) -> None:
    """Even a text without any code runs some: ``type`` may be any function of Python."""
    path = tmp_path / 'attack.pth'
    code = f'open({str(marker)!r}, "w").close()\nmodel = dict(type="Linear")'
    data = f'model = dict(type="os.system", command="touch {marker}")'
    content = checkpoint(cfg=code if attack == 'code' else data)
    if place == 'message_hub':
        content['message_hub']['runtime_info']['cfg'] = content['meta'].pop('cfg')
    torch.save(content, path)
    with pytest.raises(UnsafeCheckpointError, match=r'attack.pth.*model=.*trust_checkpoints\(\)'):
        ToyInferencer()._init_model(ConfigDict(), str(path))
    assert not marker.exists()
    trust_checkpoints()  # as the stack does it
    try:
        with pytest.raises(Exception):  # noqa: B017, PT011  whatever comes after the code has run
            ToyInferencer()._init_model(ConfigDict(), str(path))
    finally:
        trust_checkpoints(False)
    assert marker.exists()


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


# --- what must go on working ---------------------------------------------------------------------


def test_honest_files_of_every_kind_load_unchanged(tmp_path: Path) -> None:
    """Shared, empty, strided and odd tensors, long histories, and both formats."""
    base = torch.arange(64.0)
    history = HistoryBuffer()
    for i in range(1000):
        history.update(i, 1)
    tensors = {
        'tied': base, 'again': base, 'view': base.view(8, 8).t(), 'empty': torch.empty(0, 3),
        'scalar': torch.tensor(1), 'parameter': torch.nn.Parameter(torch.ones(2)),
        'small_expanded': torch.zeros(1).expand(1000),
    }  # fmt: skip
    kinds = ('float64', 'float16', 'bfloat16', 'int8', 'uint8', 'int16', 'int32', 'int64', 'bool')
    kinds += ('complex64', 'complex128')
    tensors |= {kind: torch.ones(3).to(getattr(torch, kind)) for kind in kinds}
    content = checkpoint() | dict(state_dict=tensors)
    content['message_hub']['log_scalars']['loss'] = history
    for zipped in (False, True):
        if zipped:  # the old format cannot store these
            tensors |= {k: torch.ones(3).to(getattr(torch, k)) for k in ('uint16', 'float8_e4m3fn')}
        path = tmp_path / f'{zipped}.pth'
        torch.save(content, path, _use_new_zipfile_serialization=zipped)
        loaded = safe_load(path)
        assert loaded['message_hub']['log_scalars']['loss'].mean() == history.mean()
        for name, value in tensors.items():
            got = loaded['state_dict'][name]
            assert got.dtype == value.dtype and got.tolist() == value.tolist()
        assert loaded['state_dict']['tied'].data_ptr() == loaded['state_dict']['again'].data_ptr()


@pytest.mark.parametrize(
    'change', [dict(state_dict=[1]), dict(state_dict={1: 2}), dict(meta='x'), dict(optimizer=3)]
)
def test_parts_of_a_wrong_type_are_a_sentence(tmp_path: Path, change: dict) -> None:
    path = tmp_path / 'odd.pth'
    torch.save(checkpoint() | change, path)
    with pytest.raises(BrokenCheckpointError, match=r'odd.pth is no checkpoint.* must be .*, got'):
        toy_runner(tmp_path / 'run', load_from=str(path), resume=True).load_or_resume()


def test_bytes_that_look_like_a_pickle_stay_bytes(tmp_path: Path, marker: Path) -> None:
    path, evil = tmp_path / 'weights.pth', pickle.dumps(opens(marker))
    stored = torch.frombuffer(bytearray(evil), dtype=torch.uint8)
    torch.save(checkpoint(note=evil) | dict(state_dict=weights() | {'bytes': stored}), path)
    loaded = safe_load(path)
    assert loaded['meta']['note'] == evil and bytes(loaded['state_dict']['bytes']) == evil
    assert ToyModel().load_state_dict(loaded['state_dict'], strict=False).missing_keys == []
    assert not marker.exists()


# --- the tools -----------------------------------------------------------------------------------

DET = 'configs/det/mask_rcnn_esf_demo.py'
SEG = 'configs/seg/upernet_esf_demo.py'
TOOLS = {
    'resume': ('train.py', DET, '--resume', 'FILE', '--work-dir', 'OUT', 'DATA'),
    'load_from': ('train.py', SEG, '--work-dir', 'OUT', 'DATA', 'load_from=FILE'),
    'pretrained': ('train.py', SEG, '--work-dir', 'OUT', 'DATA', 'pretrained=FILE'),
    'test': ('test.py', DET, 'FILE', '--work-dir', 'OUT', 'DATA'),
    'onnx': ('deployment/export_onnx.py', SEG, 'FILE', '--out', 'OUT/a.onnx'),
    'nir': ('deployment/export_nir.py', SEG, 'FILE', '--out', 'OUT/a.nir'),
    'report': ('analysis_tools/spiking_report.py', SEG, 'FILE', '--out', 'OUT', 'DATA'),
    'equivalence': ('analysis_tools/check_equivalence.py', SEG, 'FILE', 'DATA'),
    'hooks': ('analysis_tools/benchmark_hooks.py', SEG, 'FILE', 'DATA'),
    'demo': ('../demo/image_demo.py', 'PICTURE', SEG, 'FILE', '--out', 'OUT'),
}


@pytest.mark.parametrize('arguments', TOOLS.values(), ids=TOOLS)
def test_every_tool_refuses(
    call_tool: Callable[..., str], arguments: tuple, tmp_path: Path, marker: Path, shapes_dir: Path
) -> None:
    file = tmp_path / 'evil.pth'
    ATTACKS['reduce'](file, marker)
    words = {'FILE': str(file), 'OUT': str(tmp_path / 'out')}
    words['PICTURE'] = str(min((shapes_dir / 'images/validation').iterdir()))
    command = []
    for argument in arguments:
        for word, value in words.items():
            argument = argument.replace(word, value)
        command += (
            ['--cfg-options', f'data_root={shapes_dir}', 'train_dataloader.num_workers=0',
             'train_dataloader.persistent_workers=False']
            if argument == 'DATA' else [argument]
        )  # fmt: skip
    with pytest.raises(SystemExit) as stopped:
        call_tool(f'tools/{command[0]}', *command[1:])
    said = str(stopped.value)
    assert f'Refused to load {file}' in said and '--trust-checkpoint' in said
    assert said.strip().count('\n') == 0 and not marker.exists()


@pytest.mark.parametrize('part', ['runtime_info', 'resumed_keys', 'log_scalars'])
def test_parts_of_the_message_hub_have_their_types(tmp_path: Path, part: str) -> None:
    path = tmp_path / 'odd.pth'
    torch.save(dict(state_dict={}, meta={}, message_hub={part: [1]}), path)
    with pytest.raises(BrokenCheckpointError, match=f'message_hub.{part} must be a dict, got list'):
        safe_load(path)
