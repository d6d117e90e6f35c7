"""A short, fixed part of the fuzzer's cases; the long run is `python -m tests.fuzz.fuzz`."""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.fuzz import cases, mutations

linux_only = pytest.mark.skipif(sys.platform != 'linux', reason='forks and limits of Linux')
FUZZ = 'tests/fuzz/fuzz.py'


@linux_only
def test_damage_ends_in_a_sentence_or_a_valid_run(run_tool, tmp_path: Path) -> None:
    out = tmp_path / 'out.jsonl'
    done = run_tool(FUZZ, '--count', 25, '--seed', 1, '--out', out, OMP_NUM_THREADS='1')
    assert done.returncode == 0, done.stdout + done.stderr
    kinds = Counter(json.loads(line)['kind'] for line in out.read_text().splitlines())
    # Every new config moves the draws, so these are floors: most of such damage is an error.
    assert kinds['short error'] >= 8 and kinds['valid run'] >= 2, kinds


@linux_only
@pytest.mark.parametrize(
    ('code', 'out', 'err', 'kind'),
    [
        (0, 'log', '', 'valid run'),
        (1, '', '\nError: The config must be a file.', 'short error'),
        (1, '', '\nError: AssertionError\n  at a/b.py:3: assert x', 'short error'),
        (1, '', '\nError: AssertionError\n  at an unknown place', 'empty error'),
        (1, '', '\nError: KeyError: ', 'empty error'),
        (1, '', 'something else', 'no error message'),
        (1, '', '\nError: ' + 'line\n' * 7, 'long error'),
        (0, '', 'Traceback (most recent call last):\n', 'traceback'),
        (-11, '', '', 'killed by SIGSEGV'),
    ],
)
def test_bad_output_is_seen(code: int, out: str, err: str, kind: str) -> None:
    assert cases._judge(code, out, err) == kind


@pytest.mark.slow
@linux_only
@pytest.mark.parametrize(
    ('program', 'kind'),
    [
        ('print("done")', 'valid run'),
        ('import time; time.sleep(60)', 'hang'),
        ('import os; os.kill(os.getpid(), 9)', 'killed by SIGKILL'),
        ('open("work/notes.txt", "a").write("x")', 'changed notes.txt'),
        ('import os; os.remove("work/epoch_70.pth")', 'changed epoch_70.pth'),
        ('bytearray(20 << 30)', 'traceback'),  # not the end of the machine
        ('open("work/last_checkpoint", "w").write("x")', 'valid run'),
    ],
)
def test_bad_programs_are_seen(tmp_path: Path, program: str, kind: str) -> None:
    fuzzer = cases.Fuzzer(tmp_path / 'fuzz', time_limit=5)
    tool = tmp_path / 'tool.py'
    tool.write_text(program)
    assert fuzzer.watch(0, '', fuzzer.new_case(0), [str(tool)]).kind == kind


@linux_only
def test_a_case_is_the_same_again() -> None:
    root = dict(a=[1, 2, dict(b=3, c='text')], d=(0.5, dict(type='e')))
    done = []
    for seed in [*range(200)] * 2:
        value = mutations.thaw(root)
        done.append((mutations.mutate(value, random.Random(seed)), repr(mutations.freeze(value))))
    assert done[:200] == done[200:]
    assert sum(text != repr(root) for _, text in done) > 0.9 * len(done)
    assert len({text for _, text in done}) > 60
