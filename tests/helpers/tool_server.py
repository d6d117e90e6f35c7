"""Runs tools in forks of one Python that has imported torch and the mm libraries already.

Those imports take six seconds of a core, most tools less. A fork begins where a fresh Python is
after them: own arguments, environment, folder, output and process group, and `__main__` is the
tool. What a fork cannot show needs a fresh Python (`run_python`): the order of imports, what
variables like PYTHONPATH do at the start, warnings of imports.
"""

from __future__ import annotations

import gc
import io
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PRELOADED = (
    'mmsfa',  # first, as in every tool: it repairs what the others need
    'torchvision',
    'mmengine.runner',
    'mmcv.ops',
    'mmdet.apis',
    'mmseg.apis',
    'mmpretrain.apis',
    'mmsfa.det',
    'mmsfa.seg',
    'mmsfa.cls',
)
# A lock that a thread holds while the process forks stays locked in the fork: no pool of threads.
ONE_THREAD = {
    f'{library}_NUM_THREADS': '1' for library in ('OMP', 'MKL', 'OPENBLAS', 'NUMEXPR', 'VECLIB')
}


class ToolServerError(RuntimeError):
    """The server did not start, or ended."""


class ToolServer:
    """The side of the tests: starts the server with the first call.

    Attributes:
        pid: The server's process id, None before the first call.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen | None = None
        self._log = tempfile.TemporaryFile('w+')  # noqa: SIM115  lives as long as the server

    @property
    def pid(self) -> int | None:
        """See the class."""
        return self._process.pid if self._process else None

    def run(
        self,
        argv: Sequence[object],
        env: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
        timeout: float = 900,
    ) -> subprocess.CompletedProcess:
        """Run a script as ``python argv[0] argv[1] ...`` does and keep what it printed.

        Args:
            argv: The script, relative to ``cwd`` or absolute, and its arguments.
            env: All environment variables of the run; those of this process if None.
            cwd: The folder it runs in.
            timeout: Seconds.

        Returns:
            As `subprocess.run`: a negative return code is the signal that ended it.

        Raises:
            subprocess.TimeoutExpired: With its whole process group killed.
            ToolServerError: The server did not start, or ended.
        """
        command = [sys.executable, *map(str, argv)]
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder, 'out'), Path(folder, 'err')
            self._ask(
                argv=command[1:],
                env=dict(os.environ if env is None else env),
                cwd=str(cwd),
                out=str(out),
                err=str(err),
            )
            pid = self._answer()
            try:
                code = self._answer(timeout)
            except TimeoutError:
                os.killpg(pid, signal.SIGKILL)
                self._answer()
                raise subprocess.TimeoutExpired(
                    command, timeout, out.read_bytes(), err.read_bytes()
                ) from None
            # As pipes give it: universal newlines.
            return subprocess.CompletedProcess(command, code, out.read_text(), err.read_text())

    def close(self) -> None:
        """End the server."""
        if self._process:
            self._process.stdin.close()
            self._process.wait()
            self._process.stdout.close()
            self._process = None
        self._log.close()

    def _ask(self, **request: Any) -> None:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, '-m', 'tests.helpers.tool_server'],
                cwd=ROOT,
                env={**os.environ, 'PYTHONPATH': str(ROOT), 'PYTHONUNBUFFERED': '', **ONE_THREAD},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
            )
        try:
            self._process.stdin.write(json.dumps(request).encode() + b'\n')
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None

    def _answer(self, timeout: float | None = None) -> int:
        """The next number from the server, which writes one a line."""
        answers = self._process.stdout
        if not select.select([answers], [], [], timeout)[0]:
            raise TimeoutError
        line = answers.raw.readline()
        if not line:
            raise self._ended()
        return int(line)

    def _ended(self) -> ToolServerError:
        self._log.seek(0)
        said = self._log.read()[-2000:]
        code = self._process.wait()
        self._process = None  # the next call starts another
        return ToolServerError(f'The tool server has ended with {code}. It said: {said}')


def forks_are_safe() -> bool:
    """Not with a CUDA device, which a forked process cannot use, nor outside Linux."""
    import torch

    return sys.platform == 'linux' and not torch.cuda.is_available()


def serve() -> dict[str, Any]:
    """Fork for each request; return the request in the fork. The server itself never returns."""
    answers = os.dup(1)
    os.dup2(2, 1)  # what an import prints is no answer
    for name in PRELOADED:
        __import__(name)
    from tests.helpers.spared_work import leave_config_texts_unformatted

    leave_config_texts_unformatted()
    sys.stdout.flush()  # what the imports printed is no output of a tool
    gc.collect()
    gc.freeze()  # a collection in a fork leaves what is shared alone
    for line in iter(sys.stdin.buffer.readline, b''):
        pid = os.fork()
        if pid == 0:
            os.setpgid(0, 0)
            os.close(answers)
            return json.loads(line)
        os.write(answers, b'%d\n' % pid)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.write(answers, b'%d\n' % code)
    os._exit(0)


def become(request: dict[str, Any]) -> None:
    """Make this process what a Python that was just started would be."""
    import multiprocessing.process
    import random

    import numpy as np
    import torch

    for target, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, request['out'], os.O_WRONLY | os.O_CREAT | os.O_APPEND),
        (2, request['err'], os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    ):
        source = os.open(path, flags)
        os.dup2(source, target)
        os.close(source)
    os.chdir(request['cwd'])
    os.environ.clear()
    os.environ.update(request['env'])
    multiprocessing.process.ORIGINAL_DIR = request['cwd']  # where spawned processes begin
    sys.argv = request['argv']
    sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
    random.seed()
    np.random.seed()
    for output in (sys.stdout, sys.stderr):
        output.reconfigure(write_through=bool(os.environ.get('PYTHONUNBUFFERED')))
    if threads := os.environ.get('OMP_NUM_THREADS'):
        torch.set_num_threads(int(threads))


def run_script() -> int:
    """Run ``sys.argv`` as ``__main__``; give the exit code that Python would end with."""
    import runpy

    try:
        runpy.run_path(sys.argv[0], run_name='__main__')
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def flush_all_files() -> None:
    """Write what stands in the buffers of files that nobody has closed, as the end of Python does.

    Those of the server are frozen and not among the objects.
    """
    files = [thing for thing in gc.get_objects() if issubclass(type(thing), io.IOBase)]
    for file in [*files, sys.stdout, sys.stderr]:
        if not file.closed:
            file.flush()


def main() -> None:
    """Serve; in a fork, run the tool and end as it ends."""
    import atexit
    import threading

    become(serve())
    code = run_script()
    # As an interpreter ends, but for the modules: taking them apart copies every page of the
    # server's memory, which takes longer than most tools.
    threading._shutdown()
    atexit._run_exitfuncs()
    flush_all_files()
    os._exit(code & 0xFF)


if __name__ == '__main__':
    main()
