"""The check of the installed stack, tried for real in throw-away environments.

Packages are really taken away there; only the metadata of distributions that this machine does not
have (upstream OpenMMLab, other versions) is faked.
"""

import ast
import re
from pathlib import Path

import pytest

from mmsfa import compat

IMPORT = ('-c', 'import mmsfa; print("imported", mmsfa.__version__)')


def refusal(result) -> str:
    """The text of the StackError that ended a run."""
    assert result.returncode == 1, result.stdout
    assert 'mmsfa.compat.StackError: ' in result.stderr, result.stderr
    return result.stderr.split('mmsfa.compat.StackError: ')[1]


def test_the_stack_of_this_environment_fits():
    assert compat.problems('mmengine', 'mmcv', 'mmpretrain', 'mmdet', 'mmseg') == []


def test_import_needs_no_mmdet_no_mmseg_and_no_compiled_operators(environment):
    environment.remove('mmdet', 'onedl_mmdetection-*', 'mmseg', 'onedl_mmsegmentation-*')
    environment.remove('mmcv/_ext*')
    result = environment.run(*IMPORT)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith('imported')


@pytest.mark.parametrize(
    ('name', 'distribution'), [('mmcv', 'onedl-mmcv'), ('mmpretrain', 'onedl-mmpretrain')]
)
def test_missing_package(environment, name, distribution):
    environment.remove(name, f'{distribution.replace("-", "_")}-*')
    said = refusal(environment.run(*IMPORT))
    assert f'{name} cannot be imported: it is not installed.' in said
    assert f"pip install '{distribution}>=" in said


def test_the_refusal_survives_the_custom_imports_of_a_config(environment, tmp_path):
    environment.remove('mmdet', 'onedl_mmdetection-*')
    (tmp_path / 'needs_mmdet.py').write_text('import mmsfa\nmmsfa.compat.require("mmdet")\n')
    (tmp_path / 'config.py').write_text("custom_imports = dict(imports=['needs_mmdet'])\n")
    code = f'import sys; sys.path.insert(0, {str(tmp_path)!r}); from mmengine import Config; '
    result = environment.run('-c', code + f'Config.fromfile({str(tmp_path / "config.py")!r})')
    assert refusal(result).startswith('mmdet cannot be imported')


def test_missing_package_of_an_extra(environment):
    environment.remove('onnx', 'onnx-*', 'onnxscript', 'onnxscript-*')
    code = 'import mmsfa; from mmsfa.export import fold; print("folds"); import mmsfa.export.onnx'
    result = environment.run('-c', code)
    assert result.stdout.endswith('folds\n')
    said = refusal(result)
    assert said.startswith('onnx and onnxscript must be installed for this')
    assert "pip install 'mmsfa[export]'" in said


def test_every_package_of_an_extra_is_looked_for(environment):
    environment.remove('nirtorch', 'nirtorch-*')
    code = 'from mmsfa import compat; compat.require_extra("export", "onnx"); print("onnx"); '
    result = environment.run('-c', code + 'compat.require_extra("export")')
    assert result.stdout.endswith('onnx\n')
    assert refusal(result).startswith('nirtorch must be installed for this')


def test_two_distributions_own_one_name(environment):
    environment.add_metadata('mmcv', '2.1.0', 'mmcv')
    said = refusal(environment.run(*IMPORT))
    assert re.search(r'mmcv 2.1.0 and onedl-mmcv \S+ are both installed .* imported as mmcv', said)
    assert 'pip uninstall -y mmcv onedl-mmcv && pip install' in said


def test_a_foreign_distribution_counts_as_an_owner(environment):
    environment.add_metadata('mmcv-of-somebody', '9.0', 'mmcv')
    assert 'mmcv-of-somebody 9.0' in refusal(environment.run(*IMPORT))


@pytest.mark.parametrize('version', ['1.2.0', '2.0.1'])
def test_wrong_version(environment, version):
    environment.remove('onedl_mmpretrain-*')
    environment.add_metadata('onedl-mmpretrain', version, 'mmpretrain')
    said = refusal(environment.run(*IMPORT))
    expected = (
        f'onedl-mmpretrain {version} is installed, and mmsfa needs onedl-mmpretrain>=1.3.5,<2.'
    )
    assert expected in said
    assert "pip install 'onedl-mmpretrain>=1.3.5,<2'" in said


def test_upstream_stack_is_judged_by_its_own_ranges(environment):
    environment.remove('onedl_mm*', 'torch-*')
    environment.add_metadata('torch', '2.7.0', 'torch')
    environment.add_metadata('mmengine', '0.10.7', 'mmengine')
    environment.add_metadata('mmcv', '2.2.0', 'mmcv')
    environment.add_metadata('mmpretrain', '1.2.0', 'mmpretrain')
    said = refusal(environment.run(*IMPORT))
    assert 'torch 2.7.0 is installed, and mmsfa needs torch>=2.5,<2.6' in said
    assert "pip install 'mmcv>=2.1,<2.2'" in said
    assert 'onedl' not in said and 'mmpretrain 1.2.0' not in said


def test_missing_torchvision(environment):
    environment.remove('torchvision', 'torchvision-*')
    said = refusal(environment.run(*IMPORT))
    assert said.startswith('torchvision is not installed.')
    assert re.search(r"pip install --no-deps 'torchvision==0\.\d+\.\*'", said)


def test_old_python_is_named_before_anything_else(monkeypatch):
    monkeypatch.setattr(compat, 'MIN_PYTHON', (99, 0))
    with pytest.raises(compat.StackError, match=r'needs Python 99\.0 or newer.*\n.*make setup'):
        compat.require('no such package')


FIRST = ['__init__.py', 'compat/__init__.py', 'compat/torchvision_repair.py', 'version.py']


@pytest.mark.parametrize('file', FIRST)
def test_old_python_gets_as_far_as_the_refusal(file):
    ast.parse((Path(compat.__file__).parents[1] / file).read_text(), feature_version=(3, 8))


def test_ranges_agree_with_the_metadata(repo_dir):
    written = (repo_dir / 'pyproject.toml').read_text()
    assert f"'torch>={compat.MIN_TORCH}'," in written
    assert f"'torch{compat.UPSTREAM_TORCH}'," in written
    optional = {'mmengine-lite', 'mmcv-lite', 'mmcv-full'}
    for distributions in compat.STACK.values():
        for name, allowed in distributions.items():
            assert name in optional or f"    '{name}{allowed}',\n" in written


def test_import_brings_no_models_of_other_packages(environment):
    """Those take a second; mmpretrain's registry brings the classification heads when asked."""
    code = (
        'import sys, mmsfa; '
        'heavy = {"torchvision", "torch._dynamo", "mmpretrain.models", "mmdet", "mmseg"}; '
        'print("heavy", heavy & set(sys.modules)); from mmpretrain.registry import MODELS; '
        'print(MODELS.get("SpikeLinearClsHead"), mmsfa.cls.SpikeLinearClsHead)'
    )
    printed = environment.run('-c', code).stdout.splitlines()
    assert 'heavy set()' in printed
    name = "<class 'mmsfa.cls.heads.SpikeLinearClsHead'>"
    assert printed[-1] == f'{name} {name}'
    # ... also where they were there before
    before = (
        'import runpy; tool = runpy.run_path("tools/misc/check_env.py"); '
        'tool["load_compat"]().repair_torchvision(); '
        'from mmpretrain.registry import MODELS; MODELS.get("ResNet"); '
    )
    assert environment.run('-c', before + code).stdout.splitlines()[-1] == printed[-1]
