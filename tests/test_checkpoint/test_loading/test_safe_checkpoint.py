"""A checkpoint never runs code, by whichever way mmengine comes to it."""

from __future__ import annotations

import importlib
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModule
from mmengine.runner import CheckpointLoader, load_checkpoint

from mmsfa.checkpoint.loading.patches import install
from mmsfa.engine import UnsafeCheckpointError, safe_load, trust_checkpoints
from tests.helpers.toy_training import ToyModel, toy_runner


@pytest.fixture
def evil(tmp_path: Path, runs_code: object) -> Path:
    path = tmp_path / 'evil.pth'
    weights = ToyModel().state_dict()
    torch.save(dict(state_dict=weights, meta=dict(epoch=1, iter=1, x=runs_code)), path)
    return path


def by_load_from(path: Path) -> None:
    toy_runner(path.parent / 'run', load_from=str(path)).load_or_resume()


def by_resume(path: Path) -> None:
    toy_runner(path.parent / 'run', load_from=str(path), resume=True).train()


def by_auto_resume(path: Path) -> None:
    run = path.parent / 'run'
    run.mkdir()
    (run / 'last_checkpoint').write_text(str(path))
    toy_runner(run, resume=True).train()


def by_init_cfg(path: Path) -> None:
    ToyModel(dict(type='Pretrained', checkpoint=str(path))).init_weights()


def by_init_cfg_with_prefix(path: Path) -> None:
    BaseModule(dict(type='Pretrained', checkpoint=str(path), prefix='linear')).init_weights()


def by_load_checkpoint(path: Path) -> None:
    load_checkpoint(ToyModel(), str(path), map_location='cpu')


WAYS = [
    by_load_from, by_resume, by_auto_resume, by_init_cfg, by_init_cfg_with_prefix,
    by_load_checkpoint, safe_load,
]  # fmt: skip


@pytest.mark.parametrize('load', WAYS, ids=lambda way: way.__name__)
def test_no_way_of_loading_runs_code(load: Callable, evil: Path, marker: Path) -> None:
    with pytest.raises(UnsafeCheckpointError) as error:
        load(evil)
    assert not marker.exists()
    for part in (str(evil), 'open', '--trust-checkpoint'):
        assert part in str(error.value)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('library', 'inferencer', 'config'),
    [
        ('mmdet.apis', 'DetInferencer', 'det/mask_rcnn_esf_demo.py'),
        ('mmseg.apis', 'MMSegInferencer', 'seg/upernet_esf_demo.py'),
    ],
)
def test_inferencers_refuse_too(
    library: str, inferencer: str, config: str, evil: Path, marker: Path, repo_dir: Path
) -> None:
    build = getattr(importlib.import_module(library), inferencer)
    with pytest.raises(UnsafeCheckpointError):
        build(model=str(repo_dir / 'configs' / config), weights=str(evil), device='cpu')
    assert not marker.exists()


def test_the_stack_alone_runs_it(evil: Path, marker: Path) -> None:
    """What the test above would miss if mmengine changed: today its own loader is unsafe."""
    from mmengine.runner.checkpoint import load_from_local

    load_from_local(str(evil), 'cpu')
    assert marker.exists()


def test_trust_is_explicit(evil: Path, marker: Path) -> None:
    trust_checkpoints()
    try:
        safe_load(evil)
    finally:
        trust_checkpoints(False)
    assert marker.exists()


def test_old_formats_are_refused_too(tmp_path: Path, runs_code: object, marker: Path) -> None:
    plain, legacy = tmp_path / 'plain.pth', tmp_path / 'legacy.pth'
    with plain.open('wb') as file:
        pickle.dump(dict(state_dict=runs_code), file)
    torch.save(runs_code, legacy, _use_new_zipfile_serialization=False)
    for path in (plain, legacy):
        with pytest.raises(UnsafeCheckpointError, match=path.name):
            safe_load(path)
    assert not marker.exists()


def calls_exec(path: Path, marker: Path) -> None:
    """Write a checkpoint that climbs from ``getattr`` to ``exec``, as mmengine's list allows.

    getattr(getattr, '__self__') is the module builtins; its exec becomes the ``__setstate__`` of
    a log history, which unpickling then calls with any text.
    """

    def name(module: str, attribute: str) -> bytes:
        return f'c{module}\n{attribute}\n'.encode()

    def text(value: str) -> bytes:
        return b'X' + struct.pack('<I', len(value)) + value.encode()

    def attribute_of(owner: bytes, attribute: str) -> bytes:
        return name('builtins', 'getattr') + b'(' + owner + text(attribute) + b'tR'

    builtins = attribute_of(name('builtins', 'getattr'), '__self__')
    history = name('mmengine.logging.history_buffer', 'HistoryBuffer') + b')R'
    state = b'}' + text('__setstate__') + attribute_of(builtins, 'exec') + b'sb'
    code = text(f"open({str(marker)!r}, 'w')") + b'b.'
    torch.save(1, path)
    with zipfile.ZipFile(path) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    with zipfile.ZipFile(path, 'w') as archive:
        for part, content in parts.items():
            is_pickle = part.endswith('data.pkl')
            archive.writestr(part, b'\x80\x02' + history + state + code if is_pickle else content)


@pytest.mark.parametrize('attack', ['open', 'exec'])
def test_other_schemes_are_strict(
    evil: Path, marker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attack: str
) -> None:
    if attack == 'exec':
        calls_exec(evil, marker)
    (tmp_path / 'open_mmlab.json').write_text(json.dumps(dict(evil=evil.name)))
    monkeypatch.setenv('MMENGINE_HOME', str(tmp_path))
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    (tmp_path / 'hub' / 'checkpoints').mkdir(parents=True)
    evil.with_name('hub').joinpath('checkpoints', 'evil.pth').write_bytes(evil.read_bytes())
    for url in ('openmmlab://evil', 'open-mmlab://evil', 'https://localhost/evil.pth'):
        with pytest.raises(UnsafeCheckpointError, match='--trust-checkpoint'):
            CheckpointLoader.load_checkpoint(url, map_location='cpu')
    assert not marker.exists()


def test_installing_twice_changes_nothing() -> None:
    before = dict(CheckpointLoader._schemes)
    install()
    assert dict(CheckpointLoader._schemes) == before


def test_a_real_checkpoint_loads_whole(tmp_path: Path) -> None:
    first = toy_runner(tmp_path / 'first')
    first.message_hub.update_scalar('val/metric', np.float32(0.5))
    first.message_hub.update_info('best_score', np.float64(0.25))
    first.train()
    path = tmp_path / 'first' / 'epoch_2.pth'

    loaded = safe_load(path)
    assert {'meta', 'state_dict', 'message_hub', 'optimizer', 'param_schedulers'} <= set(loaded)
    history = loaded['message_hub']['log_scalars']['train/loss']
    assert type(history) is HistoryBuffer
    assert history.mean() == first.message_hub.get_scalar('train/loss').mean()
    assert loaded['message_hub']['runtime_info']['best_score'] == 0.25

    second = toy_runner(tmp_path / 'second', load_from=str(path), resume=True)
    second.load_or_resume()
    for key, value in first.model.state_dict().items():
        assert torch.equal(second.model.state_dict()[key], value)
    assert second.iter == 4


def test_safetensors_whose_length_of_header_begins_as_a_pickle(tmp_path: Path) -> None:
    """One file in thirty-two: lengths are multiples of eight, and a pickle begins with 128."""
    save_file = pytest.importorskip('safetensors.torch').save_file
    path = tmp_path / 'weights.safetensors'
    for length in range(256):
        save_file({'weight': torch.ones(2)}, path, dict(note='x' * length))
        if path.read_bytes()[0] == 0x80:
            break
    assert path.read_bytes()[0] == 0x80
    assert torch.equal(safe_load(path)['state_dict']['weight'], torch.ones(2))


def test_safetensors_load(tmp_path: Path) -> None:
    save_file = pytest.importorskip('safetensors.torch').save_file
    source, target = ToyModel(), ToyModel()
    path = tmp_path / 'weights.safetensors'
    save_file(source.linear.state_dict(), path)
    load_checkpoint(target.linear, str(path), map_location='cpu')
    assert torch.equal(target.linear.weight, source.linear.weight)


def test_a_url_is_downloaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site, weights = tmp_path / 'site', dict(state_dict=ToyModel().state_dict())
    site.mkdir()
    torch.save(weights, site / 'toy.pth')
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('no_proxy', '*')
    handler = partial(SimpleHTTPRequestHandler, directory=str(site))
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f'http://127.0.0.1:{server.server_port}/toy.pth'
        first = CheckpointLoader.load_checkpoint(url, map_location='cpu')
        (site / 'toy.pth').unlink()
        second = CheckpointLoader.load_checkpoint(url, map_location='cpu')
        server.shutdown()
    for loaded in (first, second):
        assert all(map(torch.equal, loaded['state_dict'].values(), weights['state_dict'].values()))
