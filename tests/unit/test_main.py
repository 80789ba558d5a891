"""The process as ``python -m wavegate`` begins it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_ASKS = """
import asyncio, sys
from wavegate import __main__ as process

async def run(_):
    print(type(asyncio.get_running_loop()).__module__)
    return 7

process.run, sys.argv = run, ["wavegate"]
sys.exit(process.main())
"""


def test_it_runs_on_uvloop_and_ends_with_the_operators_code() -> None:
    command = [sys.executable, "-c", _ASKS]
    ended = subprocess.run(
        command, cwd=_ROOT / "operator", capture_output=True, text=True, check=False, timeout=60
    )
    assert (ended.stdout, ended.returncode) == ("uvloop\n", 7), ended.stderr
