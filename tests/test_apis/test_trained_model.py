"""Trained models and their pictures, as every analysis takes them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmsfa.apis.trained_model import build_model, load_trained, picture_loader, predictions
from mmsfa.errors import OptionError

CLS = 'configs/cls/esf_tiny_flowers5.py'
SEG = 'configs/seg/upernet_esf_demo.py'


def test_the_preprocessor_of_the_runner_is_used(repo_dir: Path, tmp_path: Path) -> None:
    """mmpretrain's runner takes it from the top of the config."""
    cfg = Config.fromfile(repo_dir / CLS)
    mine = build_model(cfg)
    theirs = Runner(
        model=cfg.model,
        data_preprocessor=cfg.data_preprocessor,
        work_dir=str(tmp_path),
        default_scope='mmpretrain',
        experiment_name='test_trained_model',
    ).model
    assert torch.equal(mine.data_preprocessor.mean, theirs.data_preprocessor.mean)
    assert mine.data_preprocessor.to_rgb == theirs.data_preprocessor.to_rgb
    assert not any(module.training for module in mine.modules())


@pytest.mark.slow
def test_weights_and_classes_come_from_the_checkpoint(
    repo_dir: Path, tmp_path: Path, lively_weights
) -> None:
    cfg = Config.fromfile(repo_dir / CLS)
    trained = lively_weights(build_model(cfg))
    meta = dict(dataset_meta=dict(classes=('a', 'b', 'c', 'd', 'e')))
    torch.save(dict(state_dict=trained.state_dict(), meta=meta), tmp_path / 'weights.pth')
    loaded = load_trained(cfg, str(tmp_path / 'weights.pth'))
    assert loaded.dataset_meta['classes'] == ('a', 'b', 'c', 'd', 'e')
    state = trained.state_dict()
    assert all(torch.equal(state[key], value) for key, value in loaded.state_dict().items())
    torch.save(dict(state_dict=state), tmp_path / 'bare.pth')
    bare = load_trained(cfg, str(tmp_path / 'bare.pth'))
    assert bare.dataset_meta['classes'] == cfg.test_dataloader.dataset.classes


@pytest.mark.slow
def test_half_a_model_is_refused(repo_dir: Path, tmp_path: Path) -> None:
    cfg = Config.fromfile(repo_dir / CLS)
    state = build_model(cfg).state_dict()
    del state['head.fc.bias']
    state['head.fc.weight'] = torch.zeros(3, 128)
    torch.save(dict(state_dict=state), tmp_path / 'half.pth')
    with pytest.raises(
        OptionError,
        match=r'lacks head\.fc\.bias and has head\.fc\.weight in another shape \(2 weights',
    ):
        load_trained(cfg, str(tmp_path / 'half.pth'))


@pytest.mark.slow
def test_a_deeper_model_is_refused_and_what_means_nothing_is_not(
    repo_dir: Path, tmp_path: Path
) -> None:
    cfg = Config.fromfile(repo_dir / CLS)
    state = build_model(cfg).state_dict()
    counters = [key for key in state if key.endswith('num_batches_tracked')]
    bare = {key: value for key, value in state.items() if key not in counters}
    torch.save(dict(state_dict={**bare, 'teacher.weight': torch.ones(1)}), tmp_path / 'bare.pth')
    load_trained(cfg, str(tmp_path / 'bare.pth'))
    torch.save(dict(state_dict=state), tmp_path / 'deep.pth')
    cfg.model.backbone.arch = dict(channels=(24, 48, 96, 128), depths=(1, 1, 2, 5, 2))
    with pytest.raises(OptionError, match=r'has backbone\.stages\.3\.5\..*, which the model lacks'):
        load_trained(cfg, str(tmp_path / 'deep.pth'))


def test_layer_scales_may_be_missing(repo_dir: Path, tmp_path: Path) -> None:
    """A checkpoint that was trained without them behaves as if they were 1."""
    cfg = Config.fromfile(repo_dir / CLS)
    torch.save(dict(state_dict=build_model(cfg).state_dict()), tmp_path / 'plain.pth')
    cfg.model.backbone.layer_scale_init = 1e-6
    model = load_trained(cfg, str(tmp_path / 'plain.pth'))
    assert (model.backbone.stages[3][0].layer_scales[0].weight == 1).all()


def test_pictures_come_one_by_one(repo_dir: Path, shapes_dir: Path) -> None:
    cfg = Config.fromfile(repo_dir / SEG)
    cfg.test_dataloader.dataset.data_root = str(shapes_dir)
    loader = picture_loader(cfg, 3)
    assert len(loader) == len(loader.dataset) == 3
    assert len(picture_loader(cfg)) == len(picture_loader(cfg, 99)) == 4
    names = [Path(samples[0].img_path).name for _, samples in predictions(build_model(cfg), loader)]
    assert names == sorted(names) and len(set(names)) == 3
    with pytest.raises(OptionError, match='--num must be at least 1'):
        picture_loader(cfg, 0)
    cfg.test_dataloader = None
    with pytest.raises(OptionError, match='has no test_dataloader'):
        picture_loader(cfg)
