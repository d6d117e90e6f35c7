"""The figure of where attentions look."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmsfa.apis.trained_model import build_model

TOOL = 'tools/analysis_tools/plot_receptive_field.py'
SEG = 'configs/seg/upernet_esf_demo.py'


@pytest.mark.tools
def test_it_draws_and_says_what_is_wrong(
    call_tool, repo_dir: Path, shapes_dir: Path, tmp_path: Path, lively_weights
) -> None:
    weights, figure = tmp_path / 'w.pth', tmp_path / 'new' / 'fields.png'
    model = lively_weights(build_model(Config.fromfile(repo_dir / SEG)))
    torch.save(dict(state_dict=model.state_dict()), weights)
    data = ('--cfg-options', f'data_root={shapes_dir}')
    said = call_tool(TOOL, SEG, weights, '--layers', '3.0', '--out', figure, *data)
    assert said.count('within 5 tokens') == 1 and 'backbone.stages.3.0.attn: ' in said
    assert figure.read_bytes().startswith(b'\x89PNG')
    for wrong, sentence in (
        (('--layers', 'neck'), '--layers neck fits none of: backbone.stages.3.0.attn'),
        (('--picture', '99'), 'There is no test picture 99'),
        (('--picture', '-1'), '--picture must be a number from 0, got -1'),
        (('--place', '1', '0'), 'two shares of 0 to below 1'),
    ):
        with pytest.raises(SystemExit, match=re.escape(sentence)):
            call_tool(TOOL, SEG, weights, *wrong, *data)
