"""Try every config of the table: ``python -m tests.sweep [WORD ...] [--no-proof]``."""

from __future__ import annotations

import sys

import mmsfa.safe_loading  # noqa: F401  configs of packages name each other

from .table import ROWS
from .trial import try_row

words = [word for word in sys.argv[1:] if not word.startswith('--')]
for row in ROWS:
    if words and not any(word in row.name for word in words):
        continue
    result = try_row(row, prove='--no-proof' not in sys.argv)
    if result.failed:
        shown = f'FAILS {result.failed}'
    elif row.views > 1:
        shown = 'trained, predicts nothing'
    else:
        shown = 'proved' if result.identical else f'DIFFERS {result.difference}'
        shown += f', {result.fired} of {result.spiking} neurons'
    sys.stdout.write(f'{row.name}: {shown} ({result.seconds:.1f} s)\n')
    for line in (*result.warnings, *result.refused.values()):
        sys.stdout.write(f'    {line}\n')
    if result.uncounted:
        sys.stdout.write(f'    uncounted: {", ".join(result.uncounted)}\n')
    sys.stdout.flush()
