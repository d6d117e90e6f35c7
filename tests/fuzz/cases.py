"""One fuzz case: its files, the run in a forked child, and what became of it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import re
import resource
import runpy
import shutil
import signal
import sys
import time
import traceback
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

from mmengine.runner import Runner
from yapf.yapflib import yapf_api

from tests.fuzz.bases import DEMOS, OTHERS, ROOT, read_base, write_config, write_data
from tests.fuzz.mutations import damage_bytes, damage_content, mutate

TIME_LIMIT = 60  # seconds
MEMORY_LIMIT = 4 << 30  # bytes beyond what the imports map
MAX_ITERS = 4  # of training; absurd numbers of epochs end here
STILL_TRAINING = 99  # exit code
MAX_LINES = 6  # of an error
FINE = ('valid run', 'still training', 'short error')
WORK = 'work'
POINTER = 'last_checkpoint'
# A resumed run replaces the first two by newer ones.
MAY_CHANGE = ('epoch_1.pth', 'iter_1.pth', POINTER)
CHECKPOINTS = DEMOS[:3]


class Outcome(NamedTuple):
    """What became of a case.

    Attributes:
        number: Of the case.
        what: The mutation.
        kind: One of `FINE`, or what failed.
        text: Last lines that were printed.
        seconds: How long it took.
    """

    number: int
    what: str
    kind: str
    text: str
    seconds: float


class Fuzzer:
    """Runs cases in forked children of this process, which has imported everything.

    Args:
        folder: An empty folder; about 100 MB are written.
        seed: Of all cases.
        time_limit: Seconds until a case counts as a hang.
    """

    def __init__(self, folder: Path, seed: int = 0, time_limit: float = TIME_LIMIT) -> None:
        self.folder, self.seed, self.time_limit = folder, seed, time_limit
        self.data = folder / 'data'
        write_data(self.data)
        self._bases: dict[str, dict] = {}

    def base(self, name: str) -> dict:
        """A copy of a shrunk config."""
        if name not in self._bases:
            self._bases[name] = read_base(name, self.data)
        return deepcopy(self._bases[name])

    def checkpoint(self, name: str) -> Path:
        """What the unchanged config writes, made once."""
        done = self.folder / 'checkpoints' / f'{Path(name).stem}.pth'
        if not done.exists():
            kind = self.unchanged(name)
            if kind != 'valid run':
                raise RuntimeError(f'{name} does not run unchanged: {kind}')
            case = self.folder / f'unchanged_{done.stem}'
            done.parent.mkdir(exist_ok=True)
            shutil.move(next((case / WORK).glob('*_1.pth')), done)
        return done

    def unchanged(self, name: str) -> str:
        """Kind of the outcome of a shrunk config that nothing was done to."""
        case = self.folder / f'unchanged_{Path(name).stem}'
        case.mkdir()
        write_config(self.base(name), case / 'config.py')
        code, hung = self._run(case, ['tools/train.py', 'config.py'])
        out, err = ((case / one).read_text() for one in ('stdout', 'stderr'))
        kind = 'hang' if hung else _judge(code, out, err)
        return kind if kind == 'valid run' else f'{kind}: {_tail(out, err)}'

    def case(self, number: int, only: str | None = None) -> Outcome:
        """Run one case.

        Args:
            number: Together with the seed it decides everything.
            only: 'config' or 'checkpoint'; None takes two configs to one checkpoint.
        """
        draw = random.Random(f'{self.seed}/{number}')
        case = self.new_case(number)
        kind = only or ('checkpoint' if number % 3 == 2 else 'config')
        command, what = self._config(case, draw) if kind == 'config' else self._file(case, draw)
        return self.watch(number, what, case, command)

    def new_case(self, number: int) -> Path:
        """A folder with files of earlier runs, which must survive."""
        case = self.folder / f'case_{number}'
        shutil.rmtree(case, ignore_errors=True)
        (case / WORK / 'earlier').mkdir(parents=True)
        for name in ('epoch_70.pth', 'best_model.pth', 'notes.txt', 'earlier/earlier.log'):
            (case / WORK / name).write_text(f'canary {name}')
        return case

    def watch(self, number: int, what: str, case: Path, command: list[str]) -> Outcome:
        """Run a tool and look at its output, its time and at all earlier files."""
        before = _hashes(case, WORK, 'ckpt') | _hashes(self.data)
        start = time.monotonic()
        code, hung = self._run(case, command)
        seconds = time.monotonic() - start
        after = _hashes(case, WORK, 'ckpt') | _hashes(self.data)
        changed = [path for path in before if before[path] != after.get(path)]
        out, err = ((case / name).read_text(errors='replace') for name in ('stdout', 'stderr'))
        kind = 'hang' if hung else _judge(code, out, err)
        if changed:
            kind = f'changed {Path(changed[0]).name}'
            shutil.rmtree(self.data)
            write_data(self.data)
        if kind in FINE:
            shutil.rmtree(case)
        return Outcome(number, what, kind, _tail(out, err), seconds)

    def _config(self, case: Path, draw: random.Random) -> tuple[list[str], str]:
        name = draw.choice(DEMOS if draw.random() < 0.85 else OTHERS)
        cfg = self.base(name)
        # The default data_root of a case must exist, and each top-level part has its chance.
        part = draw.choice([key for key in cfg if cfg[key] or draw.random() < 0.3])
        done = []
        for _ in range(draw.choice([1, 1, 1, 2, 3])):
            at = cfg[part] if isinstance(cfg.get(part), (dict, list)) and cfg[part] else cfg
            at = cfg if draw.random() < 0.15 else at
            done.append(('' if at is cfg else f'{part}.') + mutate(at, draw))
        if draw.random() < 0.1 and isinstance(cfg.get('train_dataloader'), dict):
            cfg['train_dataloader'].setdefault('num_workers', 1)
            done.append('num_workers=1')
        write_config(cfg, case / 'config.py')
        return ['tools/train.py', 'config.py'], f'{name}: {"; ".join(done)}'

    def _file(self, case: Path, draw: random.Random) -> tuple[list[str], str]:
        name = draw.choice(CHECKPOINTS)
        cfg = self.base(name)
        key = 'max_iters' if 'max_iters' in cfg['train_cfg'] else 'max_epochs'
        cfg['train_cfg'][key] = 2
        path = case / 'ckpt' / 'a.pth'
        path.parent.mkdir()
        path.write_bytes(self.checkpoint(name).read_bytes())
        what = (damage_bytes if draw.random() < 0.35 else damage_content)(path, draw)
        use = draw.choice(['test', 'resume', 'resume', 'auto', 'load_from'])
        command = ['tools/train.py', 'config.py']
        if use == 'test':
            command = ['tools/test.py', 'config.py', 'ckpt/a.pth']
        elif use == 'resume':
            command += ['--resume', 'ckpt/a.pth']
        elif use == 'auto':
            newest = path.rename(case / WORK / f'{key[4:].rstrip("s")}_1.pth')
            (case / WORK / POINTER).write_text(str(newest))
            command += ['--resume']
        else:
            cfg['load_from'] = 'ckpt/a.pth'
        write_config(cfg, case / 'config.py')
        return command, f'{name}, {use}: {what}'

    def _run(self, case: Path, command: list[str]) -> tuple[int, bool]:
        """(exit code, whether it hung) of a tool in a forked child; a signal is negative."""
        pid = os.fork()
        if pid == 0:
            _child(case, command)
        end, hung = time.monotonic() + self.time_limit, False
        while True:
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                break
            if time.monotonic() > end and not hung:
                hung = True
                os.killpg(pid, signal.SIGKILL)
            time.sleep(0.01)
        with contextlib.suppress(ProcessLookupError):  # what the child has started
            os.killpg(pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(status), hung


def _child(case: Path, command: list[str]) -> None:
    """Run a tool as the shell would, in a process that is a copy of this one; never returns."""
    code = 1
    try:
        os.setsid()
        os.chdir(case)
        for number, name in ((1, 'stdout'), (2, 'stderr')):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            setattr(sys, name, os.fdopen(number, 'w', buffering=1))  # also where pytest has its own
        mapped = int(Path('/proc/self/statm').read_text().split()[0]) * os.sysconf('SC_PAGE_SIZE')
        resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY_LIMIT,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        random.seed()
        _stop_after(MAX_ITERS)
        # What formats a config for the log took most of the time of a case.
        yapf_api.FormatCode = lambda code, **_: (code, True)
        sys.argv = command
        runpy.run_path(str(ROOT / command[0]), run_name='__main__')
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _stop_after(iterations: int) -> None:
    """End this process after some training: an absurd number of epochs is no hang."""
    call_hook, done = Runner.call_hook, 0

    def counted(self: Runner, name: str, **kwargs: object) -> None:
        nonlocal done
        call_hook(self, name, **kwargs)
        done += name == 'after_train_iter'
        if done >= iterations:
            os._exit(STILL_TRAINING)

    Runner.call_hook = counted


def _hashes(root: Path, *folders: str) -> dict[str, str]:
    """SHA-256 of every file below a folder, or below some of its folders."""
    tops = [root / one for one in folders] or [root]
    files = [path for top in tops for path in top.rglob('*') if path.is_file()]
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.name not in MAY_CHANGE
    }


def _judge(code: int, out: str, err: str) -> str:
    """The kind of an outcome."""
    if code < 0:
        return f'killed by {signal.Signals(-code).name}'
    if 'Traceback (most recent call last)' in out + err:
        return 'traceback'
    if code in (0, STILL_TRAINING):
        return 'still training' if code else 'valid run'
    _, found, message = err.rpartition('\nError: ')
    lines = [line for line in message.splitlines() if line.strip()]
    if not found or not lines:
        return 'no error message'
    if len(lines) > MAX_LINES:
        return 'long error'
    # A bare assertion must at least show where it stands.
    if re.fullmatch(r'\w+:?', lines[0].strip()) and not re.search(r'at .+:\d+: \S', message):
        return 'empty error'
    return 'short error'


def _tail(out: str, err: str) -> str:
    _, found, message = err.rpartition('\nError: ')
    return f'Error: {message}'.rstrip() if found else f'{out[-500:]}\n{err[-2000:]}'.strip()
