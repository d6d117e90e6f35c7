"""The configs: published sizes, and pre-train -> fine-tune -> Mask R-CNN."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

from mmsfa.config.top_level_options import merge_options

CONFIGS = Path(__file__).parents[2] / 'configs'


def count(module):
    return sum(weight.numel() for weight in module.parameters())


def build(name, pretrained=None, device='cpu'):
    cfg = Config.fromfile(CONFIGS / name)
    if pretrained:
        merge_options(cfg, dict(pretrained=str(pretrained)))
    init_default_scope(cfg.default_scope)
    with torch.device(device):
        return MODELS.build(cfg.model)


@pytest.mark.parametrize(
    ('arch', 'published', 'decoder', 'channels'),
    [('83m', 85_614_656, 3_535_616, 512), ('173m-w192', 173_776_608, 3_601_152, 768)],
)
def test_sizes_are_the_published_ones(arch, published, decoder, channels):
    model = build(f'mim/spike-mae_esf_{arch}_8xb256-amp-coslr-200e_in1k.py', device='meta')
    # mmpretrain's decoder has a place for a class token; the published encoder has a position
    # embedding that it does not use.
    unused = 196 * channels
    assert count(model.neck) - count(model.neck.latent_norm) == decoder + 256
    assert count(model) == published + 256 - unused


@pytest.mark.parametrize('arch', ['19m', '173m'])
def test_the_other_recipes_fit(arch):
    model = build(f'mim/spike-mae_esf_{arch}_8xb256-amp-coslr-200e_in1k.py', device='meta')
    assert count(model) > count(model.backbone) + 3e6


def test_the_published_recipe():
    cfg = Config.fromfile(CONFIGS / 'mim/spike-mae_esf_83m_8xb256-amp-coslr-200e_in1k.py')
    assert cfg.optim_wrapper.optimizer == dict(
        type='AdamW', lr=1.5e-4 * 2048 / 256, betas=(0.9, 0.95), eps=1e-4, weight_decay=0.05
    )
    assert 'paramwise_cfg' not in cfg.optim_wrapper  # everything decays
    warm_up, cosine = cfg.param_scheduler
    assert (warm_up.end, cosine.begin, cosine.end, cosine.eta_min) == (20, 20, 200, 5e-6)
    assert cfg.train_cfg.max_epochs == 200 and cfg.auto_scale_lr.base_batch_size == 2048
    assert cfg.train_dataloader.batch_size == 256
    assert cfg.model.mask_ratio == 0.5 and cfg.model.head.norm_pix
    backbone = cfg.model.backbone
    assert not {'drop_path_rate', 'layer_scale_init', 'neuron_cfg'} & set(backbone)  # none
    crop, flip = cfg.train_dataloader.dataset.pipeline[1:3]
    assert (crop.scale, crop.crop_ratio_range, crop.interpolation) == (224, (0.2, 1.0), 'bicubic')
    assert (flip.type, flip.prob) == ('RandomFlip', 0.5)


def test_pretrain_then_fine_tune_then_detect(call_tool, shared_data, tmp_path):
    call_tool(
        'tools/train.py', 'configs/mim/spike-mae_esf_tiny_flowers5.py', '--work-dir', tmp_path,
        '--cfg-options', f'data_root={shared_data("flowers5")}', 'train_cfg.max_epochs=2',
        'train_dataloader.dataset.indices=4', 'train_dataloader.batch_size=2',
        'train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False',
    )  # fmt: skip
    (picture,) = tmp_path.glob('*/vis_data/vis_image/*.png')
    assert picture.name == 'reconstruction_2.png'
    assert cv2.imread(str(picture)).shape == (2 * 96, 3 * 96, 3)

    checkpoint = tmp_path / 'epoch_2.pth'
    weights = torch.load(checkpoint, weights_only=False)['state_dict']
    encoder = {
        name.removeprefix('backbone.'): value
        for name, value in weights.items()
        if name.startswith('backbone.')
    }
    for name in ('mim/esf_tiny_flowers5_ft.py', 'det/mask_rcnn_esf_nuclei.py'):
        backbone = build(name, pretrained=checkpoint).backbone
        backbone.init_weights()
        found = backbone.state_dict()
        assert found.keys() == encoder.keys()
        assert all(torch.equal(found[key], value) for key, value in encoder.items())

    classifier = build('mim/esf_tiny_flowers5_ft.py')
    torch.save(dict(state_dict=classifier.state_dict()), tmp_path / 'classifier.pth')
    detector = build('det/mask_rcnn_esf_nuclei.py', pretrained=tmp_path / 'classifier.pth')
    detector.backbone.init_weights()
    found = detector.backbone.state_dict()
    assert all(
        torch.equal(found[key], one) for key, one in classifier.backbone.state_dict().items()
    )


def test_layer_scales_start_at_one_after_pre_training(spike_mae, tmp_path):
    model = spike_mae('large')
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'mae.pth')
    backbone = MODELS.build(
        dict(
            type='mmpretrain.ESpikeFormer',
            arch=dict(family='large', channels=(16, 24, 32), depths=(1, 1, 1, 2), local_ratio=1.0),
            layer_scale_init=1e-6,
            init_cfg=dict(
                type='Pretrained', checkpoint=str(tmp_path / 'mae.pth'), prefix='backbone.'
            ),
        )
    )
    backbone.init_weights()
    found, encoder = backbone.state_dict(), model.backbone.state_dict()
    assert all(torch.equal(found[key], value) for key, value in encoder.items())
    scales = [value for key, value in found.items() if 'layer_scales' in key]
    assert len(scales) == 4 and all((scale == 1).all() for scale in scales)
    # the map at stride 32 is new
    new = {key.split('.')[0] + '.' + key.split('.')[1] for key in found.keys() - encoder.keys()}
    assert new == {'stages.3', 'downsample_layers.4'}
