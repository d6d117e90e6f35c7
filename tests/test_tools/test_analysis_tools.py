"""tools/analysis_tools as a user runs them."""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from mmsfa.apis.backbone_variants import VARIANTS, build_backbone, variants_of
from mmsfa.apis.training_memory import kept_bytes
from mmsfa.errors import OptionError
from mmsfa.spike_times import SpikeTimeError

TOOLS = 'tools/analysis_tools'
DET = 'configs/det/mask_rcnn_esf_demo.py'
SEG = 'configs/seg/upernet_esf_demo.py'
Run = Callable[..., CompletedProcess]


def test_browse_dataset_draws_what_a_classifier_is_fed(run_tool: Run, tmp_path: Path) -> None:
    data, out = tmp_path / 'data', tmp_path / 'out'
    for folder in ('train/daisy', 'val/daisy', 'meta'):
        (data / folder).mkdir(parents=True)
    for part in ('train', 'val'):
        cv2.imwrite(str(data / part / 'daisy' / 'a.png'), np.full((64, 64, 3), 90, np.uint8))
        (data / 'meta' / f'{part}.txt').write_text('daisy/a.png 0')
    done = run_tool(
        f'{TOOLS}/browse_dataset.py', 'configs/cls/esf_tiny_flowers5.py', '--output-dir', out,
        '--not-show', '--cfg-options', f'data_root={data}',
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(list(out.iterdir())) == 1


@pytest.mark.parametrize(('config', 'phase'), [(DET, 'train'), (SEG, 'val')])
def test_browse_dataset_draws_each_image(
    run_tool: Run, shapes_dir: Path, tmp_path: Path, config: str, phase: str
) -> None:
    done = run_tool(
        f'{TOOLS}/browse_dataset.py', config, '--output-dir', tmp_path, '--not-show',
        '--phase', phase, '--show-number', 3, '--cfg-options', f'data_root={shapes_dir}',
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pictures = sorted(tmp_path.iterdir())
    assert len(pictures) == 3
    split = {'train': 'training', 'val': 'validation'}[phase]
    name = pictures[0].name.split('_', 1)[1]
    original = cv2.imread(str(shapes_dir / 'images' / split / name))
    drawn = cv2.imread(str(pictures[0]))
    assert drawn.shape == original.shape and (drawn != original).any()


@pytest.mark.parametrize('name', ['esf_nmnist', 'mask_rcnn_esf_events_demo'])
def test_browse_dataset_draws_events(
    call_tool: Callable[..., str], shared_data, shapes_dir: Path, tmp_path: Path, name: str
) -> None:
    data = shared_data('nmnist_small') if name == 'esf_nmnist' else shapes_dir
    config = f'configs/dvs/{name}.py'
    call_tool(
        f'{TOOLS}/browse_dataset.py', config, '--output-dir', tmp_path, '--not-show',
        '--phase', 'val', '--show-number', 1, '--cfg-options', f'data_root={data}',
    )  # fmt: skip
    (picture,) = tmp_path.iterdir()
    blue, _, red = np.moveaxis(cv2.imread(str(picture)).astype(int), -1, 0)
    assert (red - blue > 30).any() and (blue - red > 30).any()  # ON and OFF, on white


def rows(table: str) -> dict[str, list[float]]:
    """Numbers of each row of a rich table, by the name in the first column."""
    cells = [[cell.strip() for cell in line.split('│')[1:-1]] for line in table.splitlines()]
    return {row[0]: [float(cell) for cell in row[1:]] for row in cells if row}


@pytest.mark.parametrize(
    ('config', 'parts'),
    [
        (DET, {'backbone', 'neck', 'rpn_head', 'roi_head.bbox_head', 'roi_head.mask_head'}),
        (SEG, {'backbone', 'decode_head'}),
    ],
)
def test_get_flops_counts_each_part(run_tool: Run, config: str, parts: set[str]) -> None:
    done = run_tool(f'{TOOLS}/get_flops.py', config, '--shape', 64, 96)
    assert done.returncode == 0, done.stderr
    table = rows(done.stdout)
    whole = table.pop('whole model')
    assert set(table) == parts
    assert all(macs > 0 for *_, macs in table.values())
    assert sum(macs for *_, macs in table.values()) == pytest.approx(whole[2], abs=0.01)
    for params, megabytes, _ in (*table.values(), whole):
        assert megabytes == pytest.approx(4 * params, abs=0.003)  # float32


def test_get_flops_counts_every_time_step(call_tool: Callable[..., str]) -> None:
    call = (f'{TOOLS}/get_flops.py', 'configs/dvs/esf_nmnist.py', '--shape', 64)
    options = ('--cfg-options', 'model.backbone.T=1')
    assert rows(call_tool(*call))['backbone'][2] == pytest.approx(
        3 * rows(call_tool(*call, *options))['backbone'][2], abs=0.01
    )


def test_get_flops_takes_no_spike_times(repo_dir: Path) -> None:
    count = runpy.run_path(str(repo_dir / TOOLS / 'get_flops.py'))['count']
    cfg = Config.fromfile(repo_dir / 'configs/dvs/ttfs_nmnist.py')
    with pytest.raises(SpikeTimeError, match='cannot be measured in multiply-accumulates'):
        count(cfg, (34, 34), 1)


def test_get_flops_also_counts_the_merged_form(call_tool: Callable[..., str]) -> None:
    config = 'configs/cls/esf_83m_8xb128-ft_in1k.py'
    table = rows(call_tool(f'{TOOLS}/get_flops.py', config, '--shape', 64))
    # the published counts with two heads, less one of them
    assert table['whole model'][0] == pytest.approx(83.015952 - 0.513, abs=0.01)
    merged = table['whole model, convolutions merged for inference']
    assert merged[0] == pytest.approx(54.538512 - 0.513, abs=0.01)
    assert merged[2] < 0.85 * table['whole model'][2]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    entries = [
        dict(loss=2.0, time=9.0, iter=1, epoch=1, step=1),
        dict(loss=1.5, time=1.0, iter=2, epoch=1, step=2),
        {'coco/bbox_mAP': 0.1, 'time': 0.2, 'step': 1},
        dict(loss=1.2, time=8.0, iter=3, epoch=2, step=3),
        dict(loss=1.0, time=2.0, iter=4, epoch=2, step=4),
        {'coco/bbox_mAP': 0.3, 'time': 0.2, 'step': 2},
    ]
    path = tmp_path / 'scalars.json'
    path.write_text('\n'.join(map(json.dumps, entries)))
    return path


def test_analyze_logs_plots_training_and_validation(run_tool: Run, log: Path) -> None:
    out = log.with_name('curve.png')
    done = run_tool(
        f'{TOOLS}/analyze_logs.py', 'plot_curve', log, '--keys', 'loss', 'bbox_mAP', '--legend',
        'loss', 'box AP', '--title', 'toy', '--out', out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert cv2.imread(str(out)) is not None


def test_analyze_logs_sums_up_the_time(run_tool: Run, log: Path) -> None:
    done = run_tool(f'{TOOLS}/analyze_logs.py', 'cal_train_time', log)
    assert 'slowest epoch 2, average time is 2.0000 s/iter' in done.stdout
    assert 'average iter time: 1.5000 s/iter' in done.stdout
    done = run_tool(f'{TOOLS}/analyze_logs.py', 'cal_train_time', log, '--include-outliers')
    assert 'average iter time: 5.0000 s/iter' in done.stdout


def test_analyze_logs_explains_what_is_wrong(run_tool: Run, log: Path) -> None:
    tool, broken = f'{TOOLS}/analyze_logs.py', log.with_name('broken.json')
    broken.write_text('no log')
    out = ('--out', log.with_name('x.png'))
    cases = [
        (('plot_curve', log, '--keys', 'mIoU', *out), "no 'mIoU'. It holds: coco/bbox_mAP"),
        (('plot_curve', log, '--legend', 'a', 'b', *out), 'expected 1, got 2'),
        (('plot_curve', broken, *out), 'no training log'),
        (('cal_train_time', log.with_name('none.json')), 'does not exist'),
    ]
    for args, expected in cases:
        done = run_tool(tool, *args)
        assert done.returncode == 1 and expected in done.stderr, done.stderr
        assert 'Traceback' not in done.stderr


def test_benchmark_compares_the_variants_in_one_run(run_tool: Run, tmp_path: Path) -> None:
    out = tmp_path / 'figures.json'
    done = run_tool(
        f'{TOOLS}/benchmark.py', DET, '--shape', 128, 128, '--repeats', 2, '--out', out
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert 'training step (s)' in done.stdout and '(1.00x)' in done.stdout
    written = json.loads(out.read_text())
    assert written['setting']['shape'] == [128, 128]
    figures = written['figures']
    assert {len(rounds) for rounds in figures['forward (s)'].values()} == {2}
    kept = {name: value for name, (value,) in figures['kept for backward (MB)'].items()}
    assert kept['spiking'] < kept['published']  # 64 tokens: N x N is more than d x e


def saved_bytes(model: nn.Module, picture: torch.Tensor) -> int:
    """What layers save for backward without the weights, each storage once."""
    weights = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()  # known by its identity, which fake tensors have too
        if storage._cdata not in weights:
            kept[storage._cdata] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        outs = model.train()(picture)
        total = sum(kept.values())
    del outs
    return total


def test_less_than_half_is_kept_for_backward(repo_dir: Path) -> None:
    """At the size of a COCO picture; fake tensors compute and hold nothing."""
    cfg = Config.fromfile(repo_dir / 'configs/det/mask_rcnn_esf.py').model.backbone
    cfg.norm_cfg = dict(type='BN')
    with FakeTensorMode():
        linear, published = (
            saved_bytes(MODELS.build({**cfg, **VARIANTS[variant]}), torch.randn(1, 3, 800, 1344))
            for variant in ('spiking', 'published')
        )
    assert 2e9 < 2 * linear < published


def test_the_tool_weighs_what_layers_save(repo_dir: Path) -> None:
    """Counted by what is allocated: without the picture, and with the maps that are returned."""
    cfg = Config.fromfile(repo_dir / DET)
    model, picture = build_backbone(cfg).train(), torch.randn(1, 3, 128, 128)
    kept = kept_bytes(lambda: model(picture), 'cpu')
    assert kept == pytest.approx(saved_bytes(model, picture), rel=0.05)


def test_benchmark_leaves_out_what_a_backbone_cannot_be(repo_dir: Path, capsys) -> None:
    cfg = Config.fromfile(repo_dir / 'configs/cls/qsnn_tiny_flowers5.py')
    assert variants_of(cfg, ['spiking', 'published', 'relu']) == ['spiking', 'relu']
    assert (
        'SpikingVGG has no variant published (it has no attn_cfg): left out'
        in capsys.readouterr().out
    )
    with pytest.raises(OptionError, match='cannot be built as --variants says: published'):
        variants_of(cfg, ['published'])
    cfg = Config.fromfile(repo_dir / DET)
    assert len(variants_of(cfg, ['spiking', 'published', 'relu'])) == 3
    assert not capsys.readouterr().out


def test_benchmark_of_the_deployed_form(run_tool: Run) -> None:
    options = ('--shape', 64, 64, '--repeats', 1, '--fuse-conv-bn', '--channels-last')
    done = run_tool(f'{TOOLS}/benchmark.py', DET, *options, '--no-train')
    assert done.returncode == 0, done.stderr
    assert 'forward (s)' in done.stdout and 'backward' not in done.stdout
    done = run_tool(f'{TOOLS}/benchmark.py', DET, *options)
    assert done.returncode == 2 and 'add --no-train' in done.stderr


def test_benchmark_beside_its_matrix_products(run_tool: Run, tmp_path: Path) -> None:
    out = tmp_path / 'figures.json'
    options = (DET, '--shape', 64, 64, '--repeats', 2, '--variants', 'spiking', '--products')
    done = run_tool(f'{TOOLS}/benchmark.py', *options, '--no-train', '--out', out)
    assert done.returncode == 0, done.stderr
    assert re.search(r'products: [0-9.]+ billion operations', done.stdout)
    figures = json.loads(out.read_text())['figures']
    assert list(figures) == ['forward (s)']
    assert {name: len(rounds) for name, rounds in figures['forward (s)'].items()} == {
        'spiking': 2,
        'products': 2,
    }
    for more, said in (((), 'add --no-train'), (('--no-train', '--backends'), '--products goes')):
        done = run_tool(f'{TOOLS}/benchmark.py', *options, *more)
        assert done.returncode == 2 and said in done.stderr


def test_firing_rates_are_drawn_by_depth(repo_dir: Path, tmp_path: Path) -> None:
    parts = ('downsample_layers.1', 'downsample_layers.2', 'stages.1.0', 'stages.2.0')
    names = [f'backbone.{part}.neuron' for part in parts]  # as the model lists them
    metrics = tmp_path / 'metrics.json'
    metrics.write_text(json.dumps({f'firing_rate/{name}': 0.1 for name in names}))
    layer_rates = runpy.run_path(str(repo_dir / TOOLS / 'plot_firing_rates.py'))['layer_rates']
    assert list(layer_rates(metrics)) == [names[0], names[2], names[1], names[3]]


def test_plot_firing_rates(run_tool: Run, tmp_path: Path) -> None:
    rates = {'mean': 0.1, 'backbone.stages.0': 0.2, 'backbone.stages.0.0.conv1.activate': 0.2}
    metrics = tmp_path / 'metrics.json'
    metrics.write_text(json.dumps({f'firing_rate/{name}': rate for name, rate in rates.items()}))
    figure = tmp_path / 'rates.png'
    done = run_tool(f'{TOOLS}/plot_firing_rates.py', metrics, '--out', figure)
    assert done.returncode == 0, done.stderr
    assert len(np.unique(cv2.imread(str(figure)))) > 10
    metrics.write_text(json.dumps({'firing_rate/mean': 0.1}))
    done = run_tool(f'{TOOLS}/plot_firing_rates.py', metrics, '--out', figure)
    assert done.returncode == 1 and 'per_layer=True' in done.stderr
