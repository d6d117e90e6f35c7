from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch.distributed as torch_dist

from mmsfa.checkpoint.loading import is_trusted, trust_checkpoints
from mmsfa.cli.options import add_model_options, read_config, run_tool
from mmsfa.errors import OptionError
from tests.helpers.failures import shown


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


def parse(*args: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_model_options(parser)
    return parser.parse_args(args)


def test_a_device_that_is_not_there_is_named(capsys: pytest.CaptureFixture) -> None:
    assert parse('a.py', 'b.pth', '--device', 'cpu').device == 'cpu'
    with pytest.raises(SystemExit):
        parse('a.py', 'b.pth', '--device', 'abacus')
    assert "torch cannot use 'abacus' here" in capsys.readouterr().err


def test_trust_is_heeded_and_does_not_last(repo_dir: Path) -> None:
    config = str(repo_dir / 'configs/cls/esf_tiny_flowers5.py')
    try:
        read_config(parse(config, 'b.pth', '--trust-checkpoint'))
        assert is_trusted()
        read_config(parse(config, 'b.pth'))
        assert not is_trusted()
    finally:
        trust_checkpoints(False)


def test_a_checkpoint_in_the_place_of_the_config(tmp_path: Path) -> None:
    (tmp_path / 'a.pth').touch()
    with pytest.raises(OptionError, match='the config comes first'):
        read_config(parse(str(tmp_path / 'a.pth'), 'b.pth'))


def fail() -> None:
    raise ValueError('the reason')


def test_the_traceback_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MMSFA_TRACEBACK', '1')
    with pytest.raises(ValueError, match='the reason'):
        run_tool(fail)


def test_each_rank_says_which_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('RANK', '3')
    assert shown(fail).startswith('\nError on rank 3: ValueError')


def test_ctrl_c() -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit, match='Stopped by the user.*--resume'):
        run_tool(stop)


@pytest.mark.tools
@pytest.mark.skipif(sys.platform == 'win32', reason='no pipes that break')
def test_a_reader_that_has_enough_ends_a_tool_in_silence(repo_dir: Path) -> None:
    config = 'configs/cls/esf_tiny_flowers5.py'
    tool = f'"{sys.executable}" -W ignore tools/misc/print_config.py {config}'
    done = subprocess.run(
        ['bash', '-c', f'set -o pipefail; {tool} | true'],
        capture_output=True,
        text=True,
        cwd=repo_dir,
        env={**os.environ, 'PYTHONPATH': str(repo_dir)},
    )
    assert 'Error' not in done.stderr and done.returncode in (0, 141)
