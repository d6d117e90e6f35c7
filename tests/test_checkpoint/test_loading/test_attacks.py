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

from mmsfa.engine import UnsafeCheckpointError, safe_load, trust_checkpoints
from tests.helpers.attacks import ATTACKS, CODE, IDS, write_all
from tests.helpers.attacks.pieces import checkpoint, opens, weights
from tests.helpers.attacks.sizes import two_pickles
from tests.helpers.toy_training import ToyModel

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


# --- plain data that mmengine builds -------------------------------------------------------------


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
