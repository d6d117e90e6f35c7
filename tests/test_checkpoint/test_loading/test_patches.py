"""What mmsfa changes in mmengine, and when."""

from __future__ import annotations

import json
from collections.abc import Callable
from subprocess import CompletedProcess

EXPECTED = {
    'import mmsfa.engine': 'same',
    'import mmsfa.safe_loading': 'protected',
    'import mmsfa.cli.options': 'protected',
    "from mmengine import Config; Config.fromfile('configs/det/mask_rcnn_esf.py')": 'protected',
}
# A fork for each line of code: only one process pays for the imports that all of them need.
PROBE = f"""
import json, os
from mmengine import Config
from mmengine.infer import BaseInferencer
from mmengine.runner import CheckpointLoader, checkpoint

def state():
    loading = dict(CheckpointLoader._schemes), BaseInferencer._init_model
    return *loading, checkpoint.get_torch_safe_globals, Config._get_cfg_path

before = state()
import mmsfa
for code in {list(EXPECTED)}:
    if os.fork() == 0:
        exec(code)
        print(json.dumps([code, 'same' if state() == before else 'protected']), flush=True)
        os._exit(0)
    assert os.wait()[1] == 0
"""


def test_only_tools_and_shipped_configs_protect(
    run_python: Callable[..., CompletedProcess],
) -> None:
    done = run_python('-c', PROBE)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('[')]
    assert dict(found) == EXPECTED
