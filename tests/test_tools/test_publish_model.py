"""tools/model_converters/publish_model.py on checkpoints that real runs wrote."""

from __future__ import annotations

import hashlib
import json
import pickle
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import load_checkpoint
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from mmsfa.apis.trained_model import build_model, load_trained, picture_loader, predictions
from mmsfa.checkpoint.loading import BrokenCheckpointError
from mmsfa.cli.options import read_config
from mmsfa.compression.quantization import quantized_layers
from mmsfa.compression.quantization.packing import PackedWeightError
from mmsfa.config.quantization import apply_quantization
from mmsfa.engine import safe_load, trust_checkpoints

TOOL = 'tools/model_converters/publish_model.py'
CLS = 'configs/cls/esf_tiny_flowers5.py'
CLASSES = ('daisy', 'rose')
Tool = Callable[..., str]


@pytest.fixture(scope='module')
def data_options(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two pictures in the layout of flowers5, and how a tool finds them."""
    data = tmp_path_factory.mktemp('data') / 'flowers5'
    (data / 'meta').mkdir(parents=True)
    (data / 'meta' / 'classes.txt').write_text('daisy\nrose\n')
    for part in ('train', 'val'):
        (data / part / 'daisy').mkdir(parents=True)
        draw = np.random.default_rng(0)
        names = [f'daisy/{i}.png' for i in range(2)]
        for name in names:
            picture = draw.integers(0, 255, (64, 64, 3), np.uint8)
            cv2.imwrite(str(data / part / name), picture)
        (data / 'meta' / f'{part}.txt').write_text('\n'.join(f'{name} 0' for name in names))
    loaders = [
        f'{split}_dataloader.{option}'
        for split in ('train', 'val', 'test')
        for option in ('num_workers=0', 'persistent_workers=False', 'batch_size=2')
    ]
    return ['--cfg-options', f'data_root={data}', *loaders, 'test_dataloader.batch_size=1']


@pytest.fixture(scope='module')
def run_dir(
    run_tool: Callable[..., CompletedProcess],
    data_options: list[str],
    repo_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """One step of training with an EMA beside it."""
    work_dir = tmp_path_factory.mktemp('run')
    config = tmp_path_factory.mktemp('config') / 'with_ema.py'
    hooks = "custom_hooks = [dict(type='EMAHook', momentum=0.5)]"
    config.write_text(f"_base_ = '{repo_dir / CLS}'\n{hooks}\n")
    done = run_tool(
        'tools/train.py', config, '--work-dir', work_dir, '--no-validate', *data_options,
        'train_cfg.max_epochs=1', 'default_hooks.checkpoint.interval=1',
        OMP_NUM_THREADS='1',
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return work_dir


@pytest.fixture
def checkpoint(run_dir: Path) -> Path:
    return run_dir / 'epoch_1.pth'


@pytest.fixture(autouse=True)
def no_trust_left() -> Iterator[None]:
    yield
    trust_checkpoints(False)


def published(folder: Path) -> tuple[Path, dict]:
    """The only weights in a folder, and their card; nothing else may lie there."""
    (weights,) = folder.glob('*.safetensors')
    card = weights.with_suffix('.json')
    assert sorted(folder.iterdir()) == sorted([weights, card])
    return weights, json.loads(card.read_text())


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_weights_stay_and_the_rest_goes(
    call_tool: Tool, checkpoint: Path, tmp_path: Path, repo_dir: Path
) -> None:
    metrics = tmp_path / 'metrics.json'
    metrics.write_text(json.dumps({'accuracy/top1': 77.5}))
    out = tmp_path / 'zoo' / 'flowers'
    printed = call_tool(TOOL, checkpoint, out, '--config', CLS, '--metrics', metrics)
    weights, card = published(out.parent)
    assert weights.stat().st_mode == metrics.stat().st_mode  # others may read it as any file
    before = torch.load(checkpoint, weights_only=False)
    assert {'optimizer', 'message_hub', 'param_schedulers', 'ema_state_dict'} <= set(before)
    for part in ('optimizer', 'message_hub', 'param_schedulers', 'ema_state_dict'):
        assert part in printed
    after = safe_load(weights)
    assert set(after) == {'state_dict', 'meta'}
    assert set(after['state_dict']) == set(before['state_dict'])
    assert all(torch.equal(after['state_dict'][k], v) for k, v in before['state_dict'].items())
    assert 3 * weights.stat().st_size < checkpoint.stat().st_size

    assert weights.name == f'flowers-{sha256(weights)[:8]}.safetensors'
    assert card['file'] == weights.name and card['sha256'] == sha256(weights)
    assert card['bytes'] == weights.stat().st_size
    assert card['source'] == dict(file='epoch_1.pth', sha256=sha256(checkpoint))
    assert card['metrics'] == {'accuracy/top1': 77.5}
    assert card['weights'] == 'averaged (EMA, 1 updates)'
    assert f'Weights: {card["weights"]}\n' in printed
    assert card['trained'] == dict(epoch=1, iter=1)
    assert card['versions']['torch'] == torch.__version__
    text = Config.fromfile(repo_dir / CLS).pretty_text
    assert card['config']['name'] == Path(CLS).name and card['config']['text'] == text
    assert card['config']['sha256'] == hashlib.sha256(text.encode()).hexdigest()


def test_the_published_file_is_tested_like_the_checkpoint(
    call_tool: Tool,
    run_tool: Callable[..., CompletedProcess],
    checkpoint: Path,
    data_options: list[str],
    tmp_path: Path,
) -> None:
    call_tool(TOOL, checkpoint, tmp_path / 'zoo' / 'x')
    weights, _ = published(tmp_path / 'zoo')
    tested = tmp_path / 'test'
    done = run_tool(
        'tools/test.py', CLS, weights, '--work-dir', tested, '--out', tmp_path / 'out.pkl',
        *data_options, OMP_NUM_THREADS='1',
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    (metrics,) = tested.glob('*/*.json')
    assert 'accuracy/top1' in json.loads(metrics.read_text())

    data_root = data_options[1].partition('=')[2]
    cfg = read_config(Namespace(config=CLS, cfg_options=dict(data_root=data_root)))
    scores = []
    for path in (checkpoint, weights):
        seen = predictions(load_trained(cfg, str(path)), picture_loader(cfg))
        scores.append(torch.stack([out.pred_score for _, outs in seen for out in outs]))
    assert scores[0].shape == (2, 5) and torch.equal(*scores)
    stored = pickle.loads((tmp_path / 'out.pkl').read_bytes())
    written = torch.stack([row['pred_score'] for row in stored])
    assert torch.allclose(written, scores[0], atol=1e-4)


def plain(path: Path, **weights: torch.Tensor) -> Path:
    """A checkpoint of a few tensors and two classes."""
    meta = dict(dataset_meta=dict(classes=CLASSES, palette=[(1, 2, 3), (4, 5, 6)]), epoch=3)
    torch.save(dict(state_dict=weights, meta=meta, optimizer={}), path)
    return path


def test_class_names_travel_in_the_weights(call_tool: Tool, tmp_path: Path) -> None:
    source = plain(tmp_path / 'x.pth', weight=torch.ones(2, 2), bias=torch.zeros(2))
    call_tool(TOOL, source, tmp_path / 'zoo' / 'x.pth')
    weights, card = published(tmp_path / 'zoo')
    expected = dict(classes=CLASSES, palette=[(1, 2, 3), (4, 5, 6)])
    assert card['dataset_meta']['classes'] == list(CLASSES)
    layer = nn.Linear(2, 2)
    loaded = load_checkpoint(layer, str(weights), map_location='cpu')
    assert loaded['meta']['dataset_meta'] == expected
    assert torch.equal(layer.weight, torch.ones(2, 2))
    # published again: the same bytes, so the same name
    call_tool(TOOL, weights, tmp_path / 'again' / 'x.safetensors')
    again, _ = published(tmp_path / 'again')
    assert again.name == weights.name and again.read_bytes() == weights.read_bytes()


def test_a_header_that_makes_no_sense_is_no_checkpoint(tmp_path: Path) -> None:
    for header in ('no json', '3', '{"classes": 3}', '{"palette": [["red"]]}'):
        path = tmp_path / 'x.safetensors'
        save_file(dict(weight=torch.ones(1)), path, dict(dataset_meta=header))
        with pytest.raises(BrokenCheckpointError, match='x.safetensors'):
            safe_load(path)


def test_tied_and_transposed_tensors_are_stored_each(call_tool: Tool, tmp_path: Path) -> None:
    weight = torch.arange(6.0).reshape(2, 3)
    source = plain(
        tmp_path / 'x.pth',
        **{'module.a': weight, 'module.tied': weight, 'part': weight[0], 'b': weight.t()},
    )
    call_tool(TOOL, source, tmp_path / 'zoo' / 'x')
    weights, _ = published(tmp_path / 'zoo')
    loaded = safe_load(weights)['state_dict']
    assert set(loaded) == {'a', 'tied', 'part', 'b'}
    assert torch.equal(loaded['a'], weight) and torch.equal(loaded['tied'], weight)
    assert torch.equal(loaded['b'], weight.t()) and torch.equal(loaded['part'], weight[0])


def test_code_is_refused_and_nothing_written(
    call_tool: Tool, tmp_path: Path, runs_code: object, marker: Path
) -> None:
    evil = tmp_path / 'evil.pth'
    torch.save(dict(state_dict=dict(weight=torch.ones(1)), extra=runs_code), evil)
    zoo = tmp_path / 'zoo'
    with pytest.raises(SystemExit, match='--trust-checkpoint'):
        call_tool(TOOL, evil, zoo / 'x')
    assert not marker.exists() and not zoo.exists()
    call_tool(TOOL, evil, zoo / 'x', '--trust-checkpoint')
    weights, _ = published(zoo)
    assert marker.exists()
    with safe_open(weights, 'pt') as file:
        assert list(file.keys()) == ['weight']


def test_nothing_is_overwritten_unasked(call_tool: Tool, tmp_path: Path) -> None:
    source, zoo = plain(tmp_path / 'x.pth', weight=torch.ones(1)), tmp_path / 'zoo'
    call_tool(TOOL, source, zoo / 'x')
    weights, _ = published(zoo)
    weights.with_suffix('.json').write_text('mine')
    with pytest.raises(SystemExit, match='already exist: nothing was written'):
        call_tool(TOOL, source, zoo / 'x')
    assert weights.with_suffix('.json').read_text() == 'mine'
    assert len(list(zoo.iterdir())) == 2
    call_tool(TOOL, source, zoo / 'x', '--overwrite')
    assert published(zoo)[1]['trained'] == dict(epoch=3)


def test_a_failure_leaves_no_half_file(
    call_tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, zoo = plain(tmp_path / 'x.pth', weight=torch.ones(1)), tmp_path / 'zoo'

    def full_disk(self: Path, text: str) -> None:
        self.write_bytes(b'half')
        raise OSError('No space left on device')

    monkeypatch.setattr(Path, 'write_text', full_disk)
    with pytest.raises(SystemExit, match='No space'):
        call_tool(TOOL, source, zoo / 'x')
    assert list(zoo.iterdir()) == []


def test_what_is_wrong_is_said_in_a_sentence(call_tool: Tool, tmp_path: Path) -> None:
    zoo = tmp_path / 'zoo'
    other = plain(tmp_path / 'other.pth', weight=torch.ones(1))
    torch.save([1], tmp_path / 'list.pth')
    torch.save(dict(state_dict=dict(weight='text')), tmp_path / 'text.pth')
    (tmp_path / 'metrics.json').write_text('[1]')
    cases = [
        ((tmp_path / 'none.pth',), 'does not exist'),
        ((tmp_path / 'list.pth',), 'holds no weights'),
        ((tmp_path / 'text.pth',), 'holds weight, a str'),
        ((other, '--config', CLS), 'does not belong to this config'),
        ((other, '--config', 'none.py'), 'none.py does not exist'),
        ((other, '--metrics', tmp_path / 'none.json'), 'none.json is none'),
        ((other, '--metrics', tmp_path / 'metrics.json'), 'JSON object of metrics'),
    ]
    for (path, *options), expected in cases:
        with pytest.raises(SystemExit, match=expected):
            call_tool(TOOL, path, zoo / 'x', *options)
        assert not zoo.exists() or list(zoo.iterdir()) == []


def test_local_paths_in_the_config_are_pointed_out(
    call_tool: Tool, checkpoint: Path, run_dir: Path, tmp_path: Path
) -> None:
    printed = call_tool(TOOL, checkpoint, tmp_path / 'zoo' / 'x')
    assert str(run_dir) in printed.replace('\n', '') and 'local paths' in printed
    _, card = published(tmp_path / 'zoo')
    assert str(run_dir) in card['config']['text']


def test_quantised_weights_are_packed_and_load_exactly(
    call_tool: Tool, tmp_path: Path, repo_dir: Path
) -> None:
    cfg = Config.fromfile(repo_dir / CLS)
    cfg.quantization = dict(default=1, depthwise=4)
    apply_quantization(cfg)
    model = build_model(cfg)
    meta = dict(cfg=cfg.pretty_text, dataset_meta=dict(classes=CLASSES))
    file = tmp_path / 'trained.pth'
    torch.save(dict(state_dict=model.state_dict(), meta=meta), file)
    printed = call_tool(TOOL, file, tmp_path / 'zoo' / 'x')
    weights, card = published(tmp_path / 'zoo')
    assert 'of 1 bit' in card['packed'] and f'Packed: {card["packed"]}' in printed
    # 1-bit weights in an eighth of a byte each: 32 times smaller, but for BN, scales and the rest
    assert weights.stat().st_size < file.stat().st_size / 8
    same = load_trained(cfg, str(weights))
    wanted = quantized_layers(load_trained(cfg, str(file)))
    for name, layer in quantized_layers(same).items():
        assert torch.equal(layer.effective_weight(), wanted[name].effective_weight()), name
    cfg.model.quantization.default = 2
    with pytest.raises(PackedWeightError, match='weights of 2 bits, but the file holds'):
        load_trained(cfg, str(weights))


def test_float_weights_are_quantised_on_the_way(
    call_tool: Tool, tmp_path: Path, repo_dir: Path
) -> None:
    cfg = Config.fromfile(repo_dir / CLS)
    file = tmp_path / 'trained.pth'
    torch.save(build_model(cfg).state_dict(), file)
    options = ['quantization.default.bits=4', 'quantization.default.scale=mse']
    call_tool(TOOL, file, tmp_path / 'zoo' / 'x', '--config', CLS, '--cfg-options', *options)
    weights, card = published(tmp_path / 'zoo')
    assert 'of 4 bit' in card['packed'] and 'mmpretrain.Quantized' in card['config']['text']
    load_trained(Config.fromstring(card['config']['text'], file_format='.py'), str(weights))


def test_binary_weights_of_a_backbone_are_packed_from_the_checkpoint_alone(
    call_tool: Tool, tmp_path: Path, repo_dir: Path
) -> None:
    cfg = Config.fromfile(repo_dir / 'configs/cls/bestformer_tiny_flowers5.py')
    cfg.model.backbone.channels, cfg.model.backbone.depth = 16, 1
    cfg.model.head.in_channels = 32
    meta = dict(cfg=cfg.pretty_text, dataset_meta=dict(classes=CLASSES))
    file = tmp_path / 'trained.pth'
    torch.save(dict(state_dict=build_model(cfg).state_dict(), meta=meta), file)
    assert 'Packed: 10 layers (10 of 1 bit)' in call_tool(TOOL, file, tmp_path / 'zoo' / 'x')
