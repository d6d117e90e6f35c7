"""What mmsfa changes in mmengine, and when."""

from __future__ import annotations

from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

PROBE = """
from mmengine.infer import BaseInferencer
from mmengine.runner import CheckpointLoader, checkpoint
before = dict(CheckpointLoader._schemes), BaseInferencer._init_model
{code}
after = dict(CheckpointLoader._schemes), BaseInferencer._init_model
print('same' if before == after else 'protected')
"""


@pytest.mark.parametrize(
    ('code', 'expected'),
    [
        ('import mmsfa, mmsfa.engine', 'same'),
        ('import mmsfa.safe_loading', 'protected'),
        ('import mmsfa.cli.options', 'protected'),
        (
            "from mmengine import Config; Config.fromfile('configs/det/mask_rcnn_esf.py')",
            'protected',
        ),
    ],
)
def test_only_tools_and_shipped_configs_protect(
    run_python: Callable[..., CompletedProcess], code: str, expected: str
) -> None:
    done = run_python('-c', 'import mmsfa\n' + PROBE.format(code=code))
    assert done.stdout.split()[-1] == expected, done.stderr
