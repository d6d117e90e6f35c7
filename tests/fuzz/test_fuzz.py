"""A short, fixed part of the fuzzer's cases; the long run is `python tests/fuzz/fuzz.py`."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

linux_only = pytest.mark.skipif(sys.platform != 'linux', reason='forks and limits of Linux')
FUZZ = 'tests/fuzz/fuzz.py'


@linux_only
def test_damage_ends_in_a_sentence_or_a_valid_run(run_python, tmp_path: Path) -> None:
    out = tmp_path / 'out.jsonl'
    done = run_python(FUZZ, '--count', 15, '--seed', 1, '--out', out, OMP_NUM_THREADS='1')
    assert done.returncode == 0, done.stdout + done.stderr
    kinds = Counter(json.loads(line)['kind'] for line in out.read_text().splitlines())
    assert kinds['short error'] >= 5 and kinds['valid run'] >= 2, kinds


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    import cases

    return cases._judge


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
def test_failures_are_seen(judge, code: int, out: str, err: str, kind: str) -> None:
    assert judge(code, out, err) == kind
