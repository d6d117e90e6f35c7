"""The converter of published checkpoints, run as a user runs it (needs the parity kit)."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
import torch
from mmpretrain.registry import MODELS

TOOL = 'tools/model_converters/sdt_v3_to_mmsfa.py'


@pytest.fixture(scope='module')
def case(parity):
    return parity.Case('det_10m')


@pytest.fixture
def published(case, tmp_path: Path):
    """A published checkpoint, perhaps with changes."""

    def save(content=lambda state_dict: dict(model=state_dict)) -> Path:
        path = tmp_path / 'published.pth'
        torch.save(content(case.state_dict(torch=True)), path)
        return path

    return save


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_a_config_loads_what_it_writes(case, published, run_python, tmp_path: Path, suffix) -> None:
    target = tmp_path / 'new' / f'esf_10m{suffix}'
    done = run_python(TOOL, published(), target)
    assert done.returncode == 0, done.stdout + done.stderr
    init_cfg = dict(type='Pretrained', checkpoint=str(target), prefix='backbone.')
    backbone = MODELS.build(dict(type='ESpikeFormer', arch='10m', init_cfg=init_cfg))
    backbone.init_weights()
    with torch.no_grad():
        outs = backbone.double().eval()(torch.from_numpy(case.input('main')).double())
    case.check(outs)


def test_a_leftover_stops_it_unless_allowed(published, run_python, tmp_path: Path) -> None:
    def with_strangers(state_dict):
        state_dict.pop('block4.1.mlp.fc2_bn.bias')
        name = 'downsample1_1.encode_bn.weight'
        state_dict |= {f'backbone.{name}': state_dict[name], 'head.weight': torch.ones(5, 240)}
        strangers = ('stranger.weight', 'head.stranger.weight')
        return state_dict | {name: torch.ones(2) for name in strangers}

    source, target = published(with_strangers), tmp_path / 'esf.pth'
    done = run_python(TOOL, source, target)
    assert done.returncode == 1 and not target.exists()
    assert 'leftover    stranger.weight' in done.stdout
    assert 'leftover    head.stranger.weight' in done.stdout
    assert 'leftover    backbone.downsample1_1.encode_bn.weight' in done.stdout  # came before
    assert 'missing     backbone.stages.4.1.mlp.fc2.bn.bias' in done.stdout
    assert 'missing     head.fc.bias' in done.stdout
    assert '--allow-leftover' in done.stderr
    assert run_python(TOOL, source, target, '--allow-leftover').returncode == 0
    written = torch.load(target)['state_dict']
    assert not any('stranger' in name for name in written)


def test_it_runs_no_code_of_a_checkpoint(
    published, run_python, tmp_path: Path, runs_code: object, marker: Path
) -> None:
    source = published(lambda state_dict: dict(model=state_dict, args=runs_code))
    done = run_python(TOOL, source, tmp_path / 'esf.pth')
    assert done.returncode == 1 and 'could run code' in done.stderr
    assert 'Traceback' not in done.stderr
    assert not marker.exists()


def test_the_command_line_in_a_checkpoint_is_no_code(published, run_python, tmp_path: Path) -> None:
    args = argparse.Namespace(lr=0.1, data_path='imagenet')
    source = published(lambda state_dict: dict(model=state_dict, args=args, epoch=200))
    done = run_python(TOOL, source, tmp_path / 'esf.pth')
    assert done.returncode == 0, done.stderr


def test_a_damaged_file_is_named(published, run_python, tmp_path: Path) -> None:
    source = published()
    source.write_bytes(source.read_bytes()[:-1000])
    done = run_python(TOOL, source, tmp_path / 'esf.pth')
    assert done.returncode == 1 and 'damaged' in done.stderr and 'Traceback' not in done.stderr


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (lambda _: dict(model={'conv.weight': torch.ones(1)}), 'no E-SpikeFormer'),
        (lambda _: torch.ones(3), 'no state dict'),
        (lambda _: dict(epoch=3), 'no state dict'),
        (lambda _: [torch.ones(3)], 'no state dict'),
    ],
)
def test_other_files_are_refused(published, run_python, tmp_path: Path, content, message) -> None:
    done = run_python(TOOL, published(content), tmp_path / 'esf.pth')
    assert done.returncode == 1 and message in done.stderr, done.stderr
    assert 'Traceback' not in done.stderr
