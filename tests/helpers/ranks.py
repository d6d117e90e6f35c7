"""Runs a tool in processes that form a group, as the launcher starts them, by forks.

    python tests/helpers/ranks.py PROCESSES PORT TOOL ARGUMENTS...

In the tool server (`run_tool`) this saves each rank, and the launcher, the imports. Modules are
found on PYTHONPATH as in a fresh Python. Where one rank fails the others are killed.
"""

from __future__ import annotations

import os
import signal
import sys

from tests.helpers.tool_server import run_script


def become_rank(rank: int, processes: int, port: str, argv: list[str]) -> None:
    """Make this process one of the group, and run the tool."""
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(processes))
    os.environ.update(LOCAL_WORLD_SIZE=str(processes), MASTER_ADDR='127.0.0.1', MASTER_PORT=port)
    sys.argv = [*argv, '--launcher', 'pytorch'] if processes > 1 else argv
    sys.path[:0] = os.environ.get('PYTHONPATH', '').split(os.pathsep)
    code = run_script()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main() -> None:
    """Start the ranks; end with 1 where one of them failed."""
    processes, port, *argv = sys.argv[1:]
    pids = set()
    for rank in range(int(processes)):
        pid = os.fork()
        if pid == 0:
            become_rank(rank, int(processes), port, argv)
        pids.add(pid)
    failed = 0
    while pids:
        pid, status = os.wait()
        pids.discard(pid)
        if os.waitstatus_to_exitcode(status) and not failed:
            failed = 1
            for other in pids:
                os.kill(other, signal.SIGKILL)
    sys.exit(failed)


if __name__ == '__main__':
    main()
