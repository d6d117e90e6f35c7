"""The ImageNet recipes are the published ones, and each of them trains."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, DefaultScope, init_default_scope

from mmsfa.neurons import SFA

CONFIGS = Path(__file__).parents[2] / 'configs/cls'
PARAMETERS = {
    'esf_5m_8xb256_in1k': 5_105_608,
    'esf_10m_8xb256_in1k': 10_023_112,
    'esf_19m_8xb256_in1k': 18_987_504,
    'esf_30m_8xb256_in1k': 29_067_920,
    'esf_52m_8xb256_in1k': 53_416_264,
    'esf_83m_8xb128-ft_in1k': 82_502_952,
    'esf_173m_8xb128-ft_in1k': 170_971_714,
    'esf_83m_8xb196-distill_in1k': 83_015_952,
    'esf_173m_8xb196-distill_in1k': 171_740_714,
    'esf_83m_8xb196-distill_in1k_D8': 83_015_952,
    'esf_173m_8xb196-distill_in1k_D8': 171_740_714,
    'esf_173m_8xb196-distill_in1k-384px_D8': 171_740_714,
}
# batch, learning rate for 256 pictures, epochs, epochs of warm-up
SCHEDULES = {
    'scratch': (2048, 6e-4, 200, 5),
    'ft': (1024, 6e-4, 150, 10),
    'distill': (1568, 1e-3, 100, 5),
}


def read(name: str) -> Config:
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    init_default_scope(cfg.default_scope)
    return cfg


def kind_of(name: str) -> str:
    return 'ft' if '-ft_' in name else 'distill' if 'distill' in name else 'scratch'


def test_every_recipe_is_listed() -> None:
    assert {path.stem for path in CONFIGS.glob('esf_*in1k*.py')} == set(PARAMETERS)


@pytest.mark.parametrize('name', PARAMETERS)
def test_the_model_has_its_published_size(name: str) -> None:
    with torch.device('meta'):
        model = MODELS.build(read(name).model)
    assert sum(weight.numel() for weight in model.parameters()) == PARAMETERS[name]
    neurons = [module for module in model.modules() if isinstance(module, SFA)]
    large = kind_of(name) != 'scratch'
    how = ('half_up', 'open') if large else ('half_even', 'closed')
    assert {(n.rounding, n.grad_range) for n in neurons} == {how}
    assert {n.D for n in neurons} == {8 if name.endswith('D8') else 4}
    divided = {n.norm for name, n in model.named_modules() if n in neurons and 'head' not in name}
    assert divided == {neurons[0].D}  # 0..1 inside
    head = {name: n.norm for name, n in model.head.named_modules() if n in neurons}
    # The first head of the large models reads potentials, every other one counts spikes.
    expected = dict(scratch={'fc.neuron': 1}, ft={}, distill={'fc_kd.neuron': 1})
    assert head == expected[kind_of(name)]


@pytest.mark.parametrize('name', PARAMETERS)
def test_the_schedule_is_the_published_one(name: str) -> None:
    cfg = read(name)
    batch, rate, epochs, warm_up = SCHEDULES[kind_of(name)]
    gpus, each = map(int, re.search(r'_(\d+)xb(\d+)', name).groups())
    assert gpus * each == cfg.auto_scale_lr.base_batch_size == batch
    assert cfg.train_dataloader.batch_size == each
    assert cfg.train_cfg.max_epochs == epochs
    assert cfg.optim_wrapper.type == 'AmpOptimWrapper'
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.trust_clip, optimizer.weight_decay) == ('Lamb', True, 0.05)
    assert optimizer.lr == pytest.approx(rate * batch / 256)
    linear, cosine = cfg.param_scheduler
    assert (linear.end, cosine.begin) == (warm_up, warm_up)
    low = cosine.get('eta_min') or cosine.eta_min_ratio * optimizer.lr
    assert low == pytest.approx(1e-6)
    assert cfg.model.head.loss.label_smooth_val == 0.1


@pytest.mark.parametrize('name', PARAMETERS)
def test_the_augmentation_is_the_published_one(name: str) -> None:
    cfg = read(name)
    train = {step.type: step for step in cfg.train_dataloader.dataset.pipeline}
    test = {step.type: step for step in cfg.test_dataloader.dataset.pipeline}
    size, shrunk = (384, 384) if '384px' in name else (224, 232)
    assert cfg.val_dataloader == cfg.test_dataloader
    assert (train['RandomResizedCrop'].scale, test['CenterCrop'].crop_size) == (size, size)
    assert (test['ResizeEdge'].scale, test['ResizeEdge'].interpolation) == (shrunk, 'bicubic')
    augment = train['RandAugment']  # rand-m9-mstd0.5-inc1
    assert augment.policies == 'timm_increasing'
    assert (augment.magnitude_level, augment.magnitude_std) == (9, 0.5)
    assert (train['RandomErasing'].erase_prob, train['RandomErasing'].mode) == (0.25, 'rand')
    mixed = {kind: (0.8 if kind == 'ft' else 0.5) for kind in ('ft', 'distill')}.get(kind_of(name))
    found = {a.type: a.alpha for a in cfg.model.get('train_cfg', {}).get('augments', [])}
    assert found == ({} if mixed is None else dict(Mixup=mixed, CutMix=1.0))


@pytest.mark.parametrize('name', ['esf_tiny_flowers5_lamb', 'esf_tiny_flowers5_finetune'])
def test_one_dimensional_parameters_do_not_decay(name: str) -> None:
    cfg = read(name)
    model = MODELS.build(cfg.model)
    groups = build_optim_wrapper(model, cfg.optim_wrapper).optimizer.param_groups
    decays = {id(weight): group['weight_decay'] for group in groups for weight in group['params']}
    for parameter, weight in model.named_parameters():
        assert decays[id(weight)] == (0 if weight.ndim == 1 else 0.05), parameter


def test_layer_wise_rates_of_the_large_model() -> None:
    """Stem and convolution stages are layer 0, block i is layer i + 1, the head the last of 14."""
    cfg = read('esf_83m_8xb128-ft_in1k')
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    groups = build_optim_wrapper(
        model, dict(cfg.optim_wrapper, type='OptimWrapper')
    ).optimizer.param_groups
    rates = {group['param_name']: group['lr'] / 2.4e-3 for group in groups}
    assert set(rates) == {name for name, _ in model.named_parameters()}
    for name, rate in rates.items():
        block = re.match(r'backbone\.stages\.3\.(\d+)\.', name)
        layer = int(block[1]) + 1 if block else 0 if name.startswith('backbone.') else 13
        assert rate == pytest.approx(0.75 ** (13 - layer)), name


def test_the_moving_average_is_the_published_one() -> None:
    cfg = read('esf_83m_8xb128-ft_in1k')
    ema = cfg.default_hooks.ema
    assert 1 - ema.momentum == pytest.approx(0.99996)
    assert ema.update_buffers  # BN's statistics belong to the averaged weights


def test_the_pictures_have_their_size(shared_data: Callable[[str], Path]) -> None:
    cfg = read('esf_tiny_flowers5_lamb')
    picture = str(next((shared_data('flowers5') / 'train').rglob('*.jpg')))
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        for loader in (cfg.train_dataloader, cfg.val_dataloader):
            item = Compose(loader.dataset.pipeline)(dict(img_path=picture, gt_label=3))
            assert item['inputs'].shape == (3, 96, 96)


OPTIONS = (
    'train_dataloader.num_workers=0',
    'train_dataloader.persistent_workers=False',
    'train_dataloader.batch_size=4',
    'train_dataloader.dataset.indices=8',
    'val_dataloader.num_workers=0',
    'val_dataloader.persistent_workers=False',
    'val_dataloader.dataset.indices=4',
    'train_cfg.max_epochs=2',
    'train_cfg.val_interval=2',
    'param_scheduler.0.end=1',
    'param_scheduler.1.begin=1',
    'default_hooks.checkpoint.interval=1',
    'default_hooks.checkpoint.max_keep_ckpts=2',
    'default_hooks.logger.interval=1',
)


def train(call_tool, name: str, work_dir: Path, *options: object, resume: Path | None = None):
    """Train for two epochs of two batches; gives the lines of the log."""
    call_tool(
        'tools/train.py',
        CONFIGS / f'{name}.py',
        *('--work-dir', work_dir, *(('--resume', resume) if resume else ())),
        *('--cfg-options', *OPTIONS, *options),
    )
    log = max(work_dir.glob('*/vis_data/scalars.json'), key=lambda path: path.stat().st_mtime)
    return [json.loads(line) for line in log.read_text().splitlines()]


def load(path: Path) -> dict:
    return torch.load(path, weights_only=False)


def test_the_three_recipes_train_one_after_the_other(
    call_tool, shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    root = f'data_root={shared_data("flowers5")}'
    lines = train(call_tool, 'esf_tiny_flowers5_lamb', tmp_path / 'lamb', root)
    assert sum('accuracy/top1' in line for line in lines) == 1

    trained = tmp_path / 'lamb/epoch_2.pth'
    options = root, f'pretrained={trained}'
    train(call_tool, 'esf_tiny_flowers5_finetune', tmp_path / 'ft', *options)
    saved = load(tmp_path / 'ft/epoch_2.pth')
    averaged, last = saved['state_dict'], saved['ema_state_dict']
    stem = 'backbone.downsample_layers.0.conv.weight'
    start = load(trained)['state_dict'][stem]
    assert 0 < (averaged[stem] - start).norm() < (last[f'module.{stem}'] - start).norm()

    student = read('esf_tiny_flowers5_distill').model
    teacher = MODELS.build(Config.fromfile(student.teacher).model)
    torch.save(teacher.state_dict(), tmp_path / 'teacher.pth')
    options = root, f'model.teacher_ckpt={tmp_path / "teacher.pth"}'
    name, folder = 'esf_tiny_flowers5_distill', tmp_path / 'kd'
    lines = train(call_tool, name, folder, *options, f'load_from={trained}')
    steps = [line for line in lines if 'loss_kd' in line]
    assert steps
    for line in steps:
        assert line['loss'] == pytest.approx(line['loss_cls'] + line['loss_kd'])
    # a checkpoint of a student knows nothing of the teacher
    saved = load(folder / 'epoch_2.pth')['state_dict']
    MODELS.build(student).load_state_dict(saved, strict=True)
    (folder / 'epoch_2.pth').unlink()
    lines = train(call_tool, name, folder, *options, resume=folder / 'epoch_1.pth')
    assert {line['epoch'] for line in lines if 'loss_kd' in line} == {2}
    # nor does a test need it
    (tmp_path / 'teacher.pth').unlink()
    loader = ('num_workers=0', 'persistent_workers=False', 'dataset.indices=4')
    printed = call_tool(
        'tools/test.py',
        CONFIGS / f'{name}.py',
        folder / 'epoch_2.pth',
        *('--work-dir', folder),
        *('--cfg-options', *options, *(f'test_dataloader.{option}' for option in loader)),
    )
    assert 'accuracy/top1' in printed
