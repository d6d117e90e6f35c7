"""A setting that nothing reads is named, with what was meant; a config's own variables are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from mmsfa.config.check_keys import check_keys
from mmsfa.errors import OptionError

DET = 'configs/det/mask_rcnn_esf_demo.py'
CONFIGS = sorted((Path(__file__).parents[2] / 'configs').glob('[!_]*/**/*.py'))


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_pass(path: Path) -> None:
    check_keys(Config.fromfile(path))


def with_options(repo_dir: Path, options: dict) -> None:
    cfg = Config.fromfile(repo_dir / DET)
    before = list(cfg)
    cfg.merge_from_dict(options)
    check_keys(cfg, options, before)


@pytest.mark.parametrize(
    ('key', 'message'),
    [
        ('optim_wraper.optimizer.lr', 'optim_wraper.optimizer.lr is .*you mean optim_wrapper?'),
        ('val_evaluatr', 'did you mean val_evaluator?'),
        ('quite_another', '--cfg-options quite_another is a setting that nobody knows. Mend'),
        ('model.test_cfg.rcnn.score_th', 'rcnn.score_th is .*did you mean score_thr?'),
        ('model.train_cfg.rcn.mask_size', 'model.train_cfg.rcn is .*did you mean rcnn?'),
        ('train_cfg.val_interva', 'did you mean val_interval?'),
        ('optim_wrapper.paramwise_cfg.norm_decay', 'paramwise_cfg.norm_decay is'),
        ('default_hooks.checkpont.interval', 'did you mean checkpoint?'),
        ('auto_scale_lr.enabled', 'did you mean enable?'),
        ('metainfo.classes', 'comes too late, .* .perhaps train_dataloader.dataset.metainfo'),
        ('dataset_type', 'comes too late, because dataset_type is a variable'),
    ],
)
def test_a_misspelt_option_is_refused(repo_dir: Path, key: str, message: str) -> None:
    with pytest.raises(OptionError, match=message.replace('?', r'\?')):
        with_options(repo_dir, {key: 1})


def test_what_is_spelt_well_passes(repo_dir: Path) -> None:
    options = {
        'optim_wrapper.optimizer.lr': 0.1,
        'model.test_cfg.rcnn.score_thr': 0.1,
        'model.test_cfg.rcnn.nms.iou_threshold': 0.3,
        'default_hooks.checkpoint.interval': 1,
        'auto_scale_lr.base_batch_size': 16,
        'auto_scale_lr.enable': True,
        'pretrained': None,
        'compile': False,
        'work_dir': 'x',
        'model_wrapper_cfg.type': 'X',
    }
    with_options(repo_dir, options)


def test_several_are_named_at_once(repo_dir: Path) -> None:
    with pytest.raises(OptionError, match='a is a .*; .* d is a .*; and 1 more. Mend'):
        with_options(repo_dir, dict.fromkeys('abde', 1))


@pytest.mark.parametrize(
    ('text', 'refused'),
    [
        ('val_evaluatr = dict(type="CocoMetric")', 'val_evaluatr is .*did you mean val_evaluator?'),
        ('optim_wraper = dict(optimizer=dict(lr=1))', 'did you mean optim_wrapper?'),
        ('param_schedulers = []\nparam_schedulers = [1]', 'did you mean param_scheduler?'),
        ('val_evaluators = _base_.val_evaluator\ntest_evaluator = val_evaluators', None),
        ('models = 3\nnum_classes = 4\nimg_scale = (1, 1)\nlr = 1\n_val_evaluatr = 1', None),
        ('models = dict()\nmodel = dict(backbone=dict(**models))', None),
        ('runner_typ = 1', 'did you mean runner_type?'),
        ('train_pipeline = []\nimport os', None),
        ('model = dict(test_cfg=dict(rcnn=dict(score_th=0.3)))', 'did you mean score_thr?'),
        ('model = dict(rpn_head=dict(bbox_coder=dict(target_std=1)))', 'did you mean target_stds?'),
        ('lr_config = dict(policy="step")', 'nobody reads now: write param_scheduler'),
        ('lr_config = dict(lr=1)\noptim_wrapper = dict(optimizer=dict(**lr_config))', None),
        ('env_cfg = dict(cudnn_benchmrk=True)', 'did you mean cudnn_benchmark?'),
    ],
)
def test_a_config_of_the_users(
    repo_dir: Path, tmp_path: Path, text: str, refused: str | None
) -> None:
    path = tmp_path / 'mine.py'
    path.write_text(f"_base_ = '{repo_dir / DET}'\n{text}\n")
    cfg = Config.fromfile(path)
    if refused is None:
        check_keys(cfg)
    else:
        with pytest.raises(OptionError, match=refused.replace('?', r'\?')):
            check_keys(cfg)


def test_parts_of_a_class_of_the_users_may_read_what_they_like(
    repo_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'head_of_mine.py').write_text(
        'from mmengine.registry import MODELS\n'
        'from mmdet.models import FCNMaskHead\n'
        '@MODELS.register_module()\n'
        'class HeadOfMine(FCNMaskHead):\n'
        '    def predict_by_feat(self, *args, rcnn_test_cfg, **kwargs):\n'
        '        return rcnn_test_cfg.get("score_th")\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / 'mine.py'
    path.write_text(
        f"_base_ = '{repo_dir / DET}'\n"
        "custom_imports = dict(imports=['mmsfa.safe_loading', 'mmsfa.det', 'head_of_mine'])\n"
        "model = dict(roi_head=dict(mask_head=dict(type='HeadOfMine')),\n"
        '             test_cfg=dict(rcnn=dict(score_th=0.3)))\n'
    )
    check_keys(Config.fromfile(path))
