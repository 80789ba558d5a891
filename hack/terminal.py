"""What commands print on a terminal of 80 columns: once, or while they draw it anew."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import struct
import subprocess
import termios
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

COLUMNS, ROWS = 80, 50

_ANEW = re.compile(r"(?:\r?\x1b\[2K|\x1b\[1A)+")
"""How rich goes back to the first line of what it has drawn, wiping line after line."""
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")

_HEARS_CTRL_C: Final = ("env", "--default-signal=INT")
"""Before a command that is to be ended by Ctrl-C: what runs in the background passes on that it
hears none, and a shell cannot take that back."""


class Terminal:
    """A command on a terminal of its own, in a session of its own."""

    def __init__(self, command: Sequence[str], directory: Path, env: Mapping[str, str]) -> None:
        ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._ours = ours
        self._parts: list[bytes] = []
        self._words = TemporaryFile()  # noqa: SIM115 - closed by wait
        self._process = subprocess.Popen(
            [*_HEARS_CTRL_C, *command], cwd=directory, env=dict(env),
            stdin=subprocess.DEVNULL, stdout=theirs, stderr=self._words, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        # Linux ends a terminal that nobody has open any more by an error.
        with suppress(OSError):
            while part := os.read(self._ours, 65536):
                self._parts.append(part)

    def wait(self, timeout: float) -> tuple[int, str, str]:
        """Exit code, stdout and stderr. TimeoutExpired: it was killed, as it was not done."""
        with self._words as words:
            try:
                code = self._process.wait(timeout=timeout)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
                raise
            finally:
                self._reader.join()
                os.close(self._ours)
            words.seek(0)
            said = words.read().decode(errors="replace")
        return code, self.seen(), said

    def seen(self) -> str:
        """What stdout has so far."""
        return b"".join(self._parts).decode(errors="replace").replace("\r\n", "\n")

    @property
    def ended(self) -> bool:
        """Whether nothing more will be seen."""
        return not self._reader.is_alive()

    def interrupt(self, timeout: float = 15.0) -> str:
        """Ctrl-C; all that it has printed."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGINT)
        return self.wait(timeout)[1]


def frames(printed: str) -> list[str]:
    """The pictures that a command has drawn one over the other, each once, without colour."""
    found = (_CONTROL.sub("", part).strip("\n") for part in _ANEW.split(printed))
    drawn = ["\n".join(line.rstrip() for line in each.splitlines()) for each in found]
    return [each for number, each in enumerate(drawn) if each and each not in drawn[:number]]
