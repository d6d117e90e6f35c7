"""Every shipped config is read, built and trained for one step, with its own optimizer."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import mmcv
import numpy as np
import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import Runner
from torch import nn
from torch.nn.modules.conv import _ConvNd

from mmsfa.backbones.arch import SETTINGS
from mmsfa.config.ann_twin import to_ann_twin
from mmsfa.config.check_model import check_model
from mmsfa.config.lif_twin import to_lif_twin
from mmsfa.config.scopes import set_loader_defaults
from mmsfa.config.top_level_options import merge_options
from mmsfa.errors import OptionError
from mmsfa.neurons import LIF
from mmsfa.spiking import observe
from mmsfa.spiking.measure.emission import Emission
from mmsfa.spiking.measure.observer import neurons_of
from tests.helpers.event_files import write_recordings

CONFIGS = Path(__file__).parents[2] / 'configs'
# Those of Q-SNN and QP-SNN, those of spike times (which count nothing), those of signals and those
# that start from a float model have test files of their own.
FOUND = sorted(str(path.relative_to(CONFIGS)) for path in CONFIGS.glob('[!_]*/[!q]*.py'))
NAMES = [
    name
    for name in FOUND
    if not name.endswith('_1bit.py') and '/ttfs_' not in name and not name.startswith('signal')
]
# The decoder of masked pre-training is an ordinary network that is thrown away.
SPIKING = [name for name in NAMES if not name.startswith('mim/spike-mae')]
# Read-outs that have a neuron in front all the same, as in the published models.
PUBLISHED = {
    'seg/fpn_esf.py': {'conv_seg'},
    'dvs/esf_har_dvs.py': {'fc'},
    **{f'cls/esf_{size}m_8xb256_in1k.py': {'fc'} for size in (5, 10, 19, 30, 52)},
    **{name: {'fc_kd'} for name in NAMES if re.match(r'cls/esf_\d+m_.*distill_in1k', name)},
}
# All others but those of RPN and mask heads read potentials.
READOUTS = {'fc', 'fc_kd', 'conv_seg', 'fc_cls', 'fc_reg', 'retina_cls', 'retina_reg', 'convs_pred'}
# Those of other heads that a config lets read potentials.
FURTHER = {f'det/mask_rcnn_{name}_nuclei.py': {'conv_logits'} for name in ('esf', 'snn_vit')}
LARGE = ('imagenet', 'cifar10', 'cifar100')
SMALL = ('demo.py', 'nuclei.py', 'dubai.py')
SHAPES = dict(
    mmdet=dict(
        ann_file='annotations/instances_train.json',
        data_prefix=dict(img='images/training/'),
        metainfo=dict(classes=('circle', 'square', 'triangle')),
    ),
    mmseg=dict(img_suffix='.png'),
)
# What makes the input from a file; the rest of a pipeline augments it.
READS = ('Load', 'EventsTo', 'Simulate', 'Pack')


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Two clips of three grey frames in the layout of HAR-DVS."""
    for clip in ('one', 'two'):
        (tmp_path / clip).mkdir()
        for frame in range(3):
            noise = np.random.default_rng(frame).integers(0, 256, (48, 64), dtype=np.uint8)
            mmcv.imwrite(noise, str(tmp_path / clip / f'{frame}.png'))
    (tmp_path / 'train_label.txt').write_text('one 0\ntwo 299\n')
    return tmp_path


def few_regions(model: ConfigDict) -> None:
    """Let the heads of a two-stage detector see 16 regions of a picture instead of 512."""
    settings = model.get('train_cfg') or {}
    if 'rpn_proposal' in settings:
        settings.rpn_proposal.update(nms_pre=50, max_per_img=16)
        stages = settings.rcnn if isinstance(settings.rcnn, list) else [settings.rcnn]
        for stage in stages:
            stage.sampler.num = 16


@pytest.fixture
def small(shapes_dir: Path, clips: Path, request: pytest.FixtureRequest, tmp_path: Path):
    """A config at 64 x 64 pixels, batch 2 few blocks, and no data that is not here.

    COCO and ADE20K become Shapes, ImageNet and CIFAR flowers5 and HAR-DVS two clips; a distilled
    student has no teacher.
    """

    def read(name: str) -> Config:
        cfg = Config.fromfile(CONFIGS / name)
        dataset = cfg.train_dataloader.dataset
        folder = Path(cfg.data_root).name
        if folder in ('coco', 'ADEChallengeData2016', 'shapes'):
            merge_options(cfg, dict(data_root=str(shapes_dir)))
            dataset.update(SHAPES[cfg.default_scope])
            if folder == 'coco':  # three classes for heads of eighty
                cfg.default_hooks.data_check.check_classes = False
        elif folder == 'HARDVS':
            merge_options(cfg, dict(data_root=str(clips)))
        elif folder == 'cifar10_dvs':
            write_recordings(tmp_path / folder)
            merge_options(cfg, dict(data_root=str(tmp_path / folder)))
            dataset.update(ann_file='', extensions=('.aedat',), classes=None)
        else:
            real = request.getfixturevalue('shared_data')  # skips where the folder is missing
            data_root = str(real('flowers5' if folder in LARGE else folder))
            merge_options(cfg, dict(data_root=data_root))
            if dataset.type.startswith('CIFAR'):  # its pictures are no files
                dataset.pipeline.insert(0, dict(type='LoadImageFromFile'))
            if folder in LARGE:
                cfg.train_dataloader.dataset = dataset = ConfigDict(
                    type='CustomDataset',
                    data_root=data_root,
                    data_prefix='train',
                    pipeline=dataset.pipeline,
                )
        if cfg.model.type == 'SpikeMAE':
            cfg.model.neck.num_patches = (64 // 16) ** 2
        if 'teacher' in cfg.model:
            cfg.model.update(teacher=None, teacher_ckpt=None)
        cfg.optim_wrapper.type = 'OptimWrapper'
        if cfg.model.get('data_preprocessor', {}).get('size'):  # what mmseg pads a crop to
            cfg.model.data_preprocessor.size = (64, 64)
        few_regions(cfg.model)
        side = 32 if 'cifar' in folder else 64
        steps = [step for step in dataset.pipeline if step.type.startswith(READS)]
        dataset.pipeline = [*steps[:-1], dict(type='Resize', scale=(side, side)), steps[-1]]
        cfg.train_dataloader.update(batch_size=2, num_workers=0, persistent_workers=False)
        cfg.train_cfg = dict(type='ResumableIterBasedTrainLoop', max_iters=1)
        cfg.param_scheduler = None  # one iteration is shorter than every warm-up
        for split in ('val', 'test'):
            for part in ('cfg', 'dataloader', 'evaluator'):
                cfg[f'{split}_{part}'] = None
        cfg.default_hooks.checkpoint = None
        if cfg.model.backbone.get('drop_path_rate'):  # a branch that is dropped gets no gradient
            cfg.model.backbone.drop_path_rate = 0
        arch = cfg.model.backbone.get('arch')
        if isinstance(arch, str):  # all blocks of a stage are of one kind
            family = SETTINGS[arch].get('family', 'base')
            depths = (1, 1, 1, 2) if family == 'large' else (1, 1, 1, 1, 1)
            cfg.model.backbone.arch = dict(SETTINGS[arch], depths=depths)
        if 'depth' in cfg.model.backbone:
            cfg.model.backbone.depth = 3
        cfg.work_dir = str(tmp_path)
        cfg.randomness = dict(seed=0)
        set_loader_defaults(cfg)
        return cfg

    return read


@pytest.mark.parametrize(
    ('name', 'params'),
    [('det/mask_rcnn_esf.py', 38_738_616), ('det/mask_rcnn_esf_10m.py', 21_172_240)],
)
def test_detectors_have_their_published_size(name: str, params: int) -> None:
    cfg = Config.fromfile(CONFIGS / name)
    init_default_scope(cfg.default_scope)
    assert sum(weight.numel() for weight in MODELS.build(cfg.model).parameters()) == params


def readouts_on_potentials(model: nn.Module, name: str) -> set[str]:
    """The read-outs of a model that must have no neuron in front."""
    analog = (READOUTS | FURTHER.get(name, set())) - PUBLISHED.get(name, set())
    layers = {
        path: path.rstrip('.0123456789').split('.')[-1]  # convs_pred.0 of a list
        for path, module in model.named_modules()
        if isinstance(module, (_ConvNd, nn.Linear))
    }
    return {path for path, name in layers.items() if name in analog}


@pytest.mark.slow
@pytest.mark.parametrize('name', SPIKING)
def test_every_layer_of_necks_and_heads_but_readouts_has_a_neuron(name: str) -> None:
    cfg = Config.fromfile(CONFIGS / name)
    init_default_scope(cfg.default_scope)
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    layers = {
        path: module
        for path, module in model.named_modules()
        if isinstance(module, (_ConvNd, nn.Linear)) and not path.startswith('backbone.')
    }
    assert PUBLISHED.get(name, set()) <= {path.split('.')[-1] for path in layers}
    without = {path for path, layer in layers.items() if not hasattr(layer, 'neuron')}
    assert without == readouts_on_potentials(model, name)


@pytest.mark.slow
@pytest.mark.parametrize('name', NAMES)
def test_one_training_step(small, name: str) -> None:
    check_model(Config.fromfile(CONFIGS / name))  # as it is shipped
    cfg = small(name)
    check_model(cfg)
    runner = Runner.from_cfg(cfg)
    parts = [part for part in runner.model.children() if list(part.parameters())]
    assert len(parts) >= 2  # backbone and heads
    got_real: dict[str, bool] = {}

    def received(path: str, layer: nn.Module, x: torch.Tensor, output: torch.Tensor) -> None:
        got_real[path] = Emission.of(x) is None

    with observe(runner.model, synapse=received):
        runner.train()
    real = {path for path, is_real in got_real.items() if is_real}
    backbone = {path for path in got_real if path.startswith('backbone.')}
    first = [path for path in got_real if path in backbone][: 2 if 'snn_vit' in name else 1]
    assert backbone & real == {*first} and len(backbone) > 20
    if name in SPIKING:  # layers of the mask head run if there are objects to mask
        assert real - backbone == readouts_on_potentials(runner.model, name) & set(got_real)
    moments = [state['exp_avg'] for state in runner.optim_wrapper.optimizer.state.values()]
    assert all(moment.isfinite().all() for moment in moments)
    # The attention of the large models sums over 16 tokens here: too few for all of it to fire.
    assert sum(bool(moment.any()) for moment in moments) > 0.85 * len(moments)


def train_one_step(cfg: Config) -> nn.Module:
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert all(weight.isfinite().all() for weight in runner.model.parameters())
    return runner.model


@pytest.mark.slow
@pytest.mark.parametrize('name', NAMES)
def test_its_ann_twin_trains(small: Callable[[str], Config], name: str) -> None:
    cfg = small(name)
    to_ann_twin(cfg)
    assert not neurons_of(train_one_step(cfg))


@pytest.mark.slow
@pytest.mark.parametrize('name', NAMES)
def test_its_lif_twin_trains(small: Callable[[str], Config], name: str) -> None:
    cfg = small(name)
    if cfg.model.backbone.get('T', 1) > 1 or cfg.model.type == 'SpikeMAE':
        with pytest.raises(OptionError, match='for still images|no LIF twin'):
            to_lif_twin(cfg)
        return
    to_lif_twin(cfg)
    neurons = neurons_of(train_one_step(cfg).backbone).values()
    assert {(type(neuron), neuron.T) for neuron in neurons} == {(LIF, cfg.model.backbone.T)}


def test_ordinary_heads_are_one_line_away(tmp_path: Path) -> None:
    recipe = (CONFIGS / 'det/mask_rcnn_esf.py').read_text()
    recipe = recipe.replace('models/mask_rcnn_esf.py', 'models/mask_rcnn_esf_ordinary_heads.py')
    own = tmp_path / 'own.py'
    own.write_text(recipe.replace('../_base_', str(CONFIGS / '_base_')))
    cfg = Config.fromfile(own)
    check_model(cfg)
    assert cfg.model.backbone.type == 'mmpretrain.ESpikeFormer'
    heads = (
        cfg.model.neck,
        cfg.model.rpn_head,
        *map(cfg.model.roi_head.get, ('bbox_head', 'mask_head')),
    )
    assert [head.type for head in heads] == ['FPN', 'RPNHead', 'Shared2FCBBoxHead', 'FCNMaskHead']


RECIPES = [name for name in NAMES if name.startswith(('det', 'seg')) and not name.endswith(SMALL)]


@pytest.mark.slow
@pytest.mark.parametrize('name', RECIPES)
def test_pretrained_weights_are_one_line(name: str, tmp_path: Path) -> None:
    backbone = Config.fromfile(CONFIGS / name).model.backbone
    assert backbone.init_cfg.checkpoint is None
    assert MODELS.build(backbone).init_cfg is None

    # the line at the top of the file
    text = (CONFIGS / name).read_text()
    assert text.count('\npretrained = None\n') == 1
    own = tmp_path / 'own.py'
    text = text.replace('\npretrained = None\n', "\npretrained = 'esf.pth'\n")
    text = text.replace("'../_base_", f"'{CONFIGS}/_base_")
    own.write_text(text.replace("_base_ = './", f"_base_ = '{(CONFIGS / name).parent}/"))
    edited = Config.fromfile(own)
    # and the option
    given = Config.fromfile(CONFIGS / name)
    merge_options(given, dict(pretrained='esf.pth'))
    for cfg in (edited, given):
        expected = dict(type='Pretrained', checkpoint='esf.pth', prefix='backbone.')
        assert cfg.model.backbone.init_cfg == expected
