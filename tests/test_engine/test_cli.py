from __future__ import annotations

from pathlib import Path

import pytest
import torch.distributed as torch_dist

from mmsfa.engine.cli import run_tool
from mmsfa.engine.errors import OptionError


def test_a_tool_leaves_its_process_group(tmp_path: Path) -> None:
    store = torch_dist.FileStore(str(tmp_path / 'store'), 1)
    torch_dist.init_process_group('gloo', store=store, rank=0, world_size=1)
    run_tool(lambda: None)
    assert not torch_dist.is_initialized()


def test_what_the_user_can_mend_ends_in_a_sentence() -> None:
    def main() -> None:
        raise OptionError('Give a config.')

    with pytest.raises(SystemExit, match='\nError: Give a config.'):
        run_tool(main)
