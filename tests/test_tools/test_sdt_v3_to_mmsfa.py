"""The converter of published checkpoints, run as a user runs it (needs the parity kit)."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
import torch
from mmpretrain.registry import MODELS

from mmsfa.engine import safe_load

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


@pytest.fixture
def refused(call_tool, capsys, tmp_path: Path):
    """A function that runs the tool, which must refuse, and gives its error and what it printed."""

    def run(source: Path, *options: str) -> tuple[str, str]:
        target = tmp_path / 'refused.pth'
        with pytest.raises(SystemExit) as stop:
            call_tool(TOOL, source, target, *options)
        assert not target.exists()
        return str(stop.value), capsys.readouterr().out

    return run


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_a_config_loads_what_it_writes(case, published, run_tool, tmp_path: Path, suffix) -> None:
    target = tmp_path / 'new' / f'esf_10m{suffix}'
    meta = dict(dataset_meta=dict(classes=('cat', 'dog')), epoch=3)
    source = published(lambda state_dict: dict(state_dict=state_dict, meta=meta))
    done = run_tool(TOOL, source, target)
    assert done.returncode == 0, done.stdout + done.stderr
    assert safe_load(target)['meta']['dataset_meta'] == meta['dataset_meta']
    assert 'Found: backbone, 9,782,112 parameters\nmodel.backbone: dict(' in done.stdout
    init_cfg = dict(type='Pretrained', checkpoint=str(target), prefix='backbone.')
    backbone = MODELS.build(dict(type='ESpikeFormer', arch='10m', init_cfg=init_cfg))
    backbone.init_weights()
    with torch.no_grad():
        outs = backbone.double().eval()(torch.from_numpy(case.input('main')).double())
    case.check(outs)


def test_it_tells_the_classifier(parity, call_tool, tmp_path: Path) -> None:
    """The configs that it prints make the published model."""
    case = parity.Case('cls_10m')
    source, target = tmp_path / 'published.pth', tmp_path / 'ours.pth'
    parallel = {f'module.{name}': t for name, t in case.state_dict(torch=True).items()}
    torch.save(dict(model=parallel, epoch=199), source)
    printed = call_tool(TOOL, source, target)
    assert 'Found: image classifier, 10,023,112 parameters' in printed
    told = {}
    for part in printed.split('model.')[1:]:
        name, text = part.split(': ', 1)
        told[name] = eval(text[: text.index('\n)') + 2], dict(dict=dict))
    model = MODELS.build(
        dict(type='ImageClassifier', neck=dict(type='GlobalAveragePooling'), **told)
    )
    model.load_state_dict(safe_load(target)['state_dict'], strict=True)
    with torch.no_grad():
        case.check(model.double().eval()(torch.from_numpy(case.input('main')).double()))


def test_event_camera_model(parity, published, call_tool, tmp_path: Path) -> None:
    """Buffers of neurons are left out, and what it prints takes 8 time steps of 2 channels."""
    entries = parity.Case('seg_10m').meta['state_dict']  # with layer scales
    names = [(name, shape) for name, shape, _ in entries]
    names[0] = (names[0][0], [24, 2, 7, 7])
    names += [('head.weight', [300, 240]), ('head.bias', [300])]
    filled = parity.fp.fill_state_dict(names)
    state_dict = {name: torch.from_numpy(value) for name, value in filled.items()}
    state_dict |= {f'block3.{i}.attn.q_spike.v': torch.zeros(8, 1, 240, 4, 4) for i in range(6)}
    source, target = tmp_path / 'published.pth', tmp_path / 'ours.pth'
    torch.save(dict(model=state_dict, model_ema=state_dict), source)
    printed = call_tool(TOOL, source, target)
    assert 'Found: event-camera classifier (T=8 as published)' in printed
    assert 'ignored     6 tensors: what the last batch left in a neuron' in printed
    assert 'Taken: model. Not taken: model_ema (see --key).' in printed
    assert "T=8,\n    out_time='batch'" in printed and 'num_classes=300' in printed


def test_a_leftover_stops_it_unless_allowed(published, refused, call_tool, tmp_path: Path) -> None:
    def with_strangers(state_dict):
        state_dict.pop('block4.1.mlp.fc2_bn.bias')
        name = 'downsample1_1.encode_bn.weight'
        state_dict |= {f'backbone.{name}': state_dict[name], 'head.weight': torch.ones(5, 240)}
        strangers = ('stranger.weight', 'head.stranger.weight')
        return state_dict | {name: torch.ones(2) for name in strangers}

    source, target = published(with_strangers), tmp_path / 'esf.pth'
    error, printed = refused(source)
    assert 'leftover    stranger.weight' in printed
    assert 'leftover    head.stranger.weight' in printed
    assert 'leftover    backbone.downsample1_1.encode_bn.weight' in printed  # came before
    assert 'missing     backbone.stages.4.1.mlp.fc2.bn.bias' in printed
    assert 'missing     head.fc.bias' in printed
    assert '5 tensors did not match' in error and '--allow-leftover' in error
    call_tool(TOOL, source, target, '--allow-leftover')
    written = torch.load(target)['state_dict']
    assert written and not any('stranger' in name for name in written)


def test_a_wrong_shape_is_told(published, refused) -> None:
    def widened(state_dict):
        return state_dict | {'block3.2.attn.k_conv.1.bias': torch.ones(200)}

    error, printed = refused(published(widened))
    name = 'backbone.stages.3.2.attn.k_conv.bn.bias'
    assert f'shape       {name}: expected (192,), got (200,)' in printed
    assert '1 tensors did not match' in error


def test_another_state_dict_of_the_file(published, call_tool, refused, tmp_path: Path) -> None:
    def only_averaged(state_dict):
        return dict(model=3, model_ema=state_dict)

    source = published(only_averaged)
    assert 'no state dict' in (error := refused(source)[0]) and '--key model_ema' in error
    assert "not under 'ema'" in refused(source, '--key', 'ema')[0]
    printed = call_tool(TOOL, source, tmp_path / 'esf.pth', '--key', 'model_ema')
    assert 'tensors written' in printed


def test_it_runs_no_code_of_a_checkpoint(
    published, run_tool, tmp_path: Path, runs_code: object, marker: Path
) -> None:
    source = published(lambda state_dict: dict(model=state_dict, args=runs_code))
    done = run_tool(TOOL, source, tmp_path / 'esf.pth')
    assert done.returncode == 1 and 'could run code' in done.stderr
    assert 'Traceback' not in done.stderr
    assert not marker.exists()


def test_the_command_line_in_a_checkpoint_is_no_code(published, call_tool, tmp_path: Path) -> None:
    args = argparse.Namespace(lr=0.1, data_path='imagenet')
    source = published(lambda state_dict: dict(model=state_dict, args=args, epoch=200))
    call_tool(TOOL, source, tmp_path / 'esf.pth')
    assert safe_load(tmp_path / 'esf.pth')['state_dict']


def test_a_damaged_file_is_named(published, refused) -> None:
    source = published()
    source.write_bytes(source.read_bytes()[:-1000])
    error, _ = refused(source)
    assert str(source) in error and 'damaged' in error


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (lambda _: dict(model={'conv.weight': torch.ones(1)}), 'no E-SpikeFormer'),
        (
            lambda weights: dict(
                model=weights | {'block3.0.attn.q_conv.0.body.0.weight': torch.ones(1)}
            ),
            'but Meta-SpikeFormer',
        ),
        (lambda _: torch.ones(3), 'no state dict'),
        (lambda _: dict(epoch=3), 'no state dict'),
        (lambda _: [torch.ones(3)], 'no state dict'),
    ],
)
def test_other_files_are_refused(published, refused, content, message) -> None:
    assert message in refused(published(content))[0]


def test_what_it_writes_must_have_a_known_ending(published, call_tool, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match='must end in .pth or .safetensors'):
        call_tool(TOOL, published(), tmp_path / 'esf.bin')
