"""model-index.yml, the metafiles and the READMEs name what is there."""

from __future__ import annotations

import re
from inspect import signature
from pathlib import Path

import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.registry import HOOKS, MODELS, init_default_scope

ROOT = Path(__file__).parents[2]
METAFILES = yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']
CONFIGS = sorted((ROOT / 'configs').glob('[!_]*/*.py'))
PAGES = [ROOT / 'README.md', *ROOT.glob('docs/*.md'), *ROOT.glob('configs/*/README.md')]


def test_the_index_names_every_config_once() -> None:
    models = [
        model for name in METAFILES for model in yaml.safe_load((ROOT / name).read_text())['Models']
    ]
    assert sorted(ROOT / model['Config'] for model in models) == CONFIGS


@pytest.mark.slow
@pytest.mark.parametrize('name', METAFILES)
def test_a_metafile_is_true(name: str) -> None:
    content = yaml.safe_load((ROOT / name).read_text())
    (collection,) = content['Collections']
    assert (ROOT / collection['README']).is_file() and (ROOT / collection['Code']['URL']).is_file()
    for model in content['Models']:
        assert model['In Collection'] == collection['Name']
        cfg = Config.fromfile(ROOT / model['Config'])
        assert model['Metadata']['Batch Size'] == cfg.auto_scale_lr.base_batch_size
        init_default_scope(cfg.default_scope)
        with torch.device('meta'):
            weights = MODELS.build(cfg.model).parameters()
        assert model['Metadata']['Parameters'] == sum(weight.numel() for weight in weights)


@pytest.mark.parametrize('config', CONFIGS, ids=lambda path: path.name)
def test_the_readme_of_a_folder_names_its_configs(config: Path) -> None:
    assert f'`{config.name}`' in (config.parent / 'README.md').read_text()


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r'\]\(([^)#]+)[^)]*\)', page.read_text()):
        assert target.startswith('http') or (page.parent / target).exists(), target


@pytest.mark.parametrize(
    ('page', 'config'),
    [
        ('pretraining', 'mim/spike-mae_esf_tiny_flowers5.py'),
        ('energy', 'det/mask_rcnn_esf.py'),
        ('energy', 'seg/upernet_esf.py'),
    ],
)
def test_hooks_have_the_names_that_a_page_gives_them(page: str, config: str) -> None:
    found = re.findall(r'default_hooks\.(\w+)\.(\w+)', (ROOT / f'docs/{page}.md').read_text())
    assert found
    hooks = Config.fromfile(ROOT / 'configs' / config).default_hooks
    for name, option in found:
        assert option in signature(HOOKS.get(hooks[name].type)).parameters
