"""The receiver of webhooks that users are shown, as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "examples" / "webhook-receiver.py"


class Receiver:
    """It has one key. ``port``: where it listens, on each address of this machine."""

    def __init__(self, key: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT), "0"],
            env={**os.environ, "WEBHOOK_KEY": key},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self.line().split()[-1])

    def line(self) -> str:
        """The next line that it prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")


@contextmanager
def receiving(key: str) -> Iterator[Receiver]:
    """The process, until the end."""
    made = Receiver(key)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.communicate()
