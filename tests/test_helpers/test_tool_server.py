"""A run on the tool server is what a run in a fresh Python is, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.helpers.tool_server import ToolServer, ToolServerError, forks_are_safe

pytestmark = [
    pytest.mark.tools,
    pytest.mark.skipif(not forks_are_safe(), reason='tools run in fresh Pythons here'),
]
Script = Callable[[str], Path]


@pytest.fixture(scope='module')
def server() -> Iterator[ToolServer]:
    server = ToolServer()
    yield server
    server.close()


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """A function that writes a script and gives its path."""

    def write(text: str) -> Path:
        path = tmp_path / 'script.py'
        path.write_text(text)
        return path

    return write


SCRIPTS = {
    'arguments': 'import sys; print(sys.argv, sys.path[0])',
    'module': 'import __main__; print(__name__, __file__, __spec__, __main__.__file__)',
    'folder and environment': """
import os; print(os.getcwd(), os.environ['COLOUR'], 'HOME' in os.environ)""",
    'no input': 'import sys; print(repr(sys.stdin.read()))',
    'both outputs': """
import os, sys
print('one'); print('two', file=sys.stderr); os.write(1, b'three'); os.system('echo four')""",
    'end': 'import sys; sys.exit()',
    'code': 'import sys; print("before"); sys.exit(3)',
    'sentence': 'import sys; sys.exit("The config must be a file.")',
    'large code': 'import sys; sys.exit(259)',
    'own hook': """
import sys
sys.excepthook = lambda kind, error, tb: print(kind.__name__, error)
raise ValueError('seven')""",
    'at exit': 'import atexit; atexit.register(print, "last")',
    'file left open': """
import sys
file = open(sys.argv[1], 'w'); file.write('x' * 10)""",
    'file left open by an error': """
import sys
sys.excepthook = lambda *error: None
file = open(sys.argv[1], 'w'); file.write('x' * 10); 1 / 0""",
    'thread': """
import threading, time
threading.Thread(target=lambda: (time.sleep(0.2), print('done'))).start()""",
    'killed': 'import os, signal; print("lost"); os.kill(os.getpid(), signal.SIGKILL)',
    'killed softly': 'import os, signal; os.kill(os.getpid(), signal.SIGTERM)',
    'gone': 'import os; os._exit(5)',
    'spawned process': """
import multiprocessing
def double(x):
    return 2 * x
if __name__ == '__main__':
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        print(pool.map(double, [1, 2]))""",
}


@pytest.mark.parametrize('name', SCRIPTS)
def test_it_is_a_fresh_python(
    server: ToolServer, script: Script, tmp_path: Path, name: str
) -> None:
    argv = [script(SCRIPTS[name]), tmp_path / 'written', 'two words']
    env = {'PATH': os.environ['PATH'], 'COLOUR': 'red'}
    runs, written = [], []
    for run in (
        lambda: server.run(argv, env, tmp_path),
        lambda: subprocess.run(
            [sys.executable, *map(str, argv)], env=env, cwd=tmp_path, stdin=subprocess.DEVNULL,
            capture_output=True, text=True,
        ),
    ):  # fmt: skip
        runs.append(run())
        written.append((tmp_path / 'written').read_text() if 'file' in name else None)
        (tmp_path / 'written').unlink(missing_ok=True)
    forked, fresh = runs
    assert forked.args == fresh.args
    assert forked.returncode == fresh.returncode
    assert forked.stdout == fresh.stdout and forked.stderr == fresh.stderr
    assert written[0] == written[1]


def test_an_error_is_told_with_its_place(server: ToolServer, script: Script) -> None:
    done = server.run([script("def f():\n    raise ValueError('seven')\nf()")])
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0] == 'Traceback (most recent call last):' and lines[-1] == 'ValueError: seven'
    assert 'script.py", line 2, in f' in done.stderr


def test_one_run_leaves_no_trace_in_the_next(server: ToolServer, script: Script) -> None:
    path = script("""
import os, random, numpy, mmengine, torch
print(hasattr(mmengine, 'left'), os.environ.get('LEFT'), torch.is_grad_enabled())
mmengine.left, os.environ['LEFT'] = True, '1'
torch.set_grad_enabled(False)
print(random.random(), numpy.random.rand())
""")
    first, second = (server.run([path]).stdout.splitlines() for _ in range(2))
    assert first[0] == second[0] == 'False None True'
    assert first[1] != second[1]  # as two fresh Pythons draw


def test_tools_find_everything_imported(server: ToolServer, script: Script) -> None:
    path = script("import sys; print({'torch', 'mmdet', 'mmseg', 'mmpretrain'} <= {*sys.modules})")
    assert server.run([path]).stdout == 'True\n'


def test_protection_is_left_to_the_tools(server: ToolServer, script: Script) -> None:
    path = script("import sys; print('mmsfa.safe_loading' in sys.modules)")
    assert server.run([path]).stdout == 'False\n'


def test_it_forks_with_one_thread(server: ToolServer, script: Script) -> None:
    server.run([script('')])
    assert psutil.Process(server.pid).num_threads() == 1


def test_threads_are_those_that_are_asked_for(server: ToolServer, script: Script) -> None:
    path = script('import torch; print(torch.get_num_threads(), torch.ones(999, 99).sum())')
    for threads in ('1', '3'):
        done = server.run([path], {**os.environ, 'OMP_NUM_THREADS': threads})
        assert done.stdout == f'{threads} tensor(98901.)\n', done.stderr


def test_a_run_that_takes_too_long_ends_with_its_children(
    server: ToolServer, script: Script, tmp_path: Path
) -> None:
    path = script("""
import subprocess, sys, time
child = subprocess.Popen(['sleep', '600'])
print(child.pid, flush=True)
time.sleep(600)
""")
    with pytest.raises(subprocess.TimeoutExpired) as expired:
        server.run([path], timeout=2)
    child = int(expired.value.stdout)
    deadline = time.monotonic() + 10
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert server.run([script('print(1)')]).stdout == '1\n'


def test_a_server_that_ends_is_told_and_replaced(script: Script) -> None:
    server = ToolServer()
    path = script('print(1)')
    server.run([path])
    first = server.pid
    os.kill(first, signal.SIGKILL)
    with pytest.raises(ToolServerError, match='has ended with -9'):
        server.run([path])
    assert server.run([path]).stdout == '1\n' and server.pid != first
    server.close()
    assert not psutil.pid_exists(first)
