"""The command `mmsfa`: every tool by a short name."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.config import Config

import mmsfa
import mmsfa_command
from mmsfa_command import TOOLS

DEMO = 'configs/det/mask_rcnn_esf_demo.py'
Command = Callable[..., str]


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> Command:
    """A function that runs the command in an empty folder and gives what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('COLUMNS', '200')
    monkeypatch.setitem(sys.modules, '__main__', sys.modules['__main__'])  # it is given back

    def run(*args: object) -> str:
        monkeypatch.setattr(sys, 'argv', ['mmsfa', *map(str, args)])
        mmsfa_command.main()
        return capsys.readouterr().out

    return run


def test_help_names_every_command(command: Command) -> None:
    assert command() == command('--help') == command('-h')
    names = re.findall(r'^  ([a-z-]+) ', command('--help'), re.MULTILINE)
    assert names == [*TOOLS, 'configs']


def test_every_tool_has_a_command(repo_dir: Path) -> None:
    files = [
        *repo_dir.glob('tools/**/*.py'),
        *repo_dir.glob('tools/*.sh'),
        *repo_dir.glob('demo/*'),
    ]
    names = {path.relative_to(repo_dir).as_posix() for path in files if path.is_file()}
    assert {file for file, _ in TOOLS.values()} == names


@pytest.mark.parametrize('name', [name for name, (file, _) in TOOLS.items() if '.py' in file])
def test_every_tool_shows_its_own_help(
    command: Command, capsys: pytest.CaptureFixture, name: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        command(name, '--help')
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f'usage: mmsfa {name} [')


@pytest.mark.parametrize(
    ('name', 'usage'),
    [
        ('dist-train', 'tools/dist_train.sh CONFIG GPUS '),
        ('dist-test', 'tools/dist_test.sh CONFIG CHECKPOINT GPUS '),
        ('slurm-train', 'tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR '),
        ('slurm-test', 'tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT '),
    ],
)
def test_every_script_shows_its_usage(command: Command, name: str, usage: str) -> None:
    shown = command(name, '--help')
    assert usage in shown and '#' not in shown


@pytest.mark.slow
@pytest.mark.tools
def test_a_launcher_starts_this_python(run_python) -> None:
    """It reads a config, and says that there is none."""
    found = run_python('mmsfa_command.py', 'dist-train', 'no_config.py', 1, PORT='0')
    assert found.returncode != 0
    assert 'The config no_config.py does not exist' in found.stderr, found.stderr[-2000:]


@pytest.mark.parametrize(('wrong', 'meant'), [('trian', 'train'), ('config', 'configs')])
def test_a_misspelt_command(command: Command, wrong: str, meant: str) -> None:
    with pytest.raises(SystemExit, match=f"no command '{wrong}'. Did you mean `mmsfa {meant}`"):
        command(wrong)


def test_a_command_like_no_other(command: Command) -> None:
    with pytest.raises(SystemExit, match="no command 'xyz'. `mmsfa --help` lists them all"):
        command('xyz')


def test_version(command: Command) -> None:
    assert command('--version') == f'mmsfa {mmsfa.__version__}\n'


def test_the_configs_are_listed(command: Command) -> None:
    every, some = command('configs').splitlines(), command('configs', 'det', 'demo').splitlines()
    assert DEMO in some
    assert some == [name for name in every if 'det' in name and 'demo' in name]
    assert 'no config whose name holds xyz' in command('configs', 'xyz')


@pytest.mark.tools
def test_help_and_list_need_no_torch(run_python) -> None:
    code = 'import sys, mmsfa_command; mmsfa_command.main(); print(*sys.modules, file=sys.stderr)'
    for word in ('--help', 'configs', '--version'):
        found = run_python('-c', code, word)
        assert found.returncode == 0 and found.stdout
        assert not {'torch', 'mmengine', 'mmsfa'} & set(found.stderr.split())


def test_a_copy_inherits(command: Command, repo_dir: Path) -> None:
    command('copy', 'det/mask_rcnn_esf_demo.py')
    command('copy', DEMO, 'mine/own.py')
    shipped = Config.fromfile(repo_dir / DEMO).to_dict()
    for name in ('mask_rcnn_esf_demo.py', 'mine/own.py'):
        assert len(Path(name).read_text().splitlines()) == 3
        assert Config.fromfile(name).to_dict() == shipped


@pytest.mark.parametrize('name', [DEMO, 'configs/cls/esf_173m_8xb196-distill_in1k-384px_D8.py'])
def test_a_whole_copy_stands_on_its_own(command: Command, repo_dir: Path, name: str) -> None:
    command('copy', name, 'mine', '--whole')
    copy = Path('mine') / name.removeprefix('configs/')
    assert Config.fromfile(copy).to_dict() == Config.fromfile(repo_dir / name).to_dict()
    copied = sum(1 for _ in Path('mine').rglob('*.py'))
    assert 4 <= copied <= 10  # what it inherits, and no more
    assert not any('mmsfa::' in path.read_text() for path in Path('mine').rglob('*.py'))


def test_a_copy_replaces_nothing(command: Command) -> None:
    Path('mine.py').write_text('precious = True\n')
    with pytest.raises(SystemExit, match='There is a file mine.py already'):
        command('copy', DEMO, 'mine.py')
    assert Path('mine.py').read_text() == 'precious = True\n'
    command('copy', DEMO, 'mine.py', '--overwrite')
    assert '_base_' in Path('mine.py').read_text()


def test_a_copy_is_of_a_shipped_config(command: Command) -> None:
    Path('mine.py').touch()
    with pytest.raises(SystemExit, match='mine.py is a file of yours; expected the name of a ship'):
        command('copy', 'mine.py', 'other.py')
    with pytest.raises(SystemExit, match=f'Near it are .*{DEMO}'):
        command('copy', 'det/mask_rcnn_esf_dem.py')


@pytest.mark.skipif(sys.platform == 'win32', reason='no pipes that break')
def test_a_reader_that_has_enough_ends_it_in_silence(repo_dir: Path) -> None:
    command = f'"{sys.executable}" {repo_dir / "mmsfa_command.py"} configs'
    done = subprocess.run(
        ['bash', '-c', f'set -o pipefail; {command} | true'], capture_output=True, text=True
    )
    assert done.stderr == '' and done.returncode in (0, 141)
