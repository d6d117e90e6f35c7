"""The module in the place of mmcv's extension: what it has, what it refuses, what it leaves."""

from __future__ import annotations

import pytest
import torch

from mmsfa.ops import stand_in

STAND_IN = 'import mmsfa, sys; print(type(sys.modules["mmcv._ext"]).__name__)'


def test_any_other_operator_is_refused_by_name():
    module = stand_in.StandIn()
    with pytest.raises(NotImplementedError, match="'nms_rotated' .*make setup OPS=compiled"):
        module.nms_rotated(torch.zeros(1, 5))
    assert not hasattr(module, '__path__') and not hasattr(module, '_private')


def test_mmdet_and_mmseg_import_and_a_detector_predicts_without_compiled_operators(environment):
    environment.remove('mmcv/_ext*')
    code = '\n'.join(
        [
            STAND_IN,
            'import mmsfa.det, mmsfa.seg, mmdet.models, mmseg.models, mmcv.ops, torch',
            'from mmcv.ops import nms, get_compiler_version',
            'from mmengine.utils.dl_utils import collect_env',
            'print(get_compiler_version(), "MMEngine" in collect_env())',
            'boxes = torch.tensor([[0., 0, 4, 4], [0, 0, 4, 4]])',
            'print(nms(boxes, torch.tensor([.1, .2]), .5)[1].tolist())',
        ]
    )
    result = environment.run('-c', code)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split('\n')[:3] == ['StandIn', 'not compiled True', '[1]']
    assert 'not compiled. Most likely' not in result.stdout + result.stderr, 'of mmdet, misleading'


def test_an_extension_that_does_not_load_counts_as_none(environment):
    environment.remove('mmcv/_ext*')
    (environment.folder / 'mmcv' / '_ext.py').write_text("raise OSError('undefined symbol: at')\n")
    result = environment.run('-c', STAND_IN)
    assert result.stdout == 'StandIn\n', result.stderr


def test_a_compiled_extension_is_kept_but_for_roi_align_on_a_cpu(environment):
    environment.remove('mmcv/_ext*')
    (environment.folder / 'mmcv' / '_ext.py').write_text(
        'def __getattr__(name):\n'
        '    if name.startswith("_"): raise AttributeError(name)\n'
        '    return lambda *args, **kwargs: name\n'
    )
    code = '\n'.join(
        [
            'import mmsfa, torch, mmcv._ext as ext',
            'print(type(ext).__name__, ext.nms(), ext.nms_rotated())',
            'cpu = torch.zeros(1, 1, 4, 4), torch.zeros(1, 5), torch.ones(1, 1, 2, 2)',
            'kwargs = dict(aligned_height=2, aligned_width=2, spatial_scale=1.0, sampling_ratio=0)',
            'ext.roi_align_forward(*cpu, None, None, pool_mode=1, aligned=True, **kwargs)',
            'print(cpu[2].any().item())',
            'ext.roi_align_forward(*cpu[:2], cpu[2].fill_(1), None, None, pool_mode=0)',
            'print(cpu[2].all().item())',
            'mmsfa.ops.install(); mmsfa.ops.install()',
            'print(ext.roi_align_forward.__wrapped__())',
        ]
    )
    result = environment.run('-c', code)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split('\n') == [
        'module nms nms_rotated', 'False', 'True', 'roi_align_forward', '',
    ]  # fmt: skip


def test_an_mmcv_that_cannot_be_imported_is_told(environment):
    environment.remove('mmcv')
    (environment.folder / 'mmcv').mkdir()
    (environment.folder / 'mmcv' / '__init__.py').write_text("raise ImportError('libGL.so.1')\n")
    result = environment.run('-c', 'import mmsfa')
    assert 'StackError: mmcv cannot be imported: libGL.so.1.' in result.stderr
