"""Runs the steps of one way through the page, in one shell's environment and directory."""

from __future__ import annotations

import fcntl
import os
import shlex
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO

from quickstart.page import ROOT, Step

PATIENCE = 180.0
"""Seconds that a step may take."""


class WalkError(Exception):
    """A step has failed, or printed something else than the page says."""


class Shell:
    """What a reader types into, with a second terminal; what one step exports, the next has."""

    def __init__(self, environment: Mapping[str, str], directory: Path) -> None:
        self._environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", **environment}
        for of_make in ("MAKELEVEL", "MAKEFLAGS", "MFLAGS"):
            self._environment.pop(of_make, None)  # or a make within would tell its directory
        self._directory = directory
        self._exports = directory / "exports"
        self._beside: list[subprocess.Popen[bytes]] = []
        self._log: IO[bytes] | None = None

    def run(self, step: Step) -> str:
        """What the step prints. WalkError: it fails; with what was said beside it."""
        exports = shlex.quote(str(self._exports))
        script = f"test ! -f {exports} || . {exports}\n{step.checked}\nexport -p >{exports}\n"
        if step.beside:
            self._begin(script, step.beside)
            return ""
        try:
            code, out, err = _in_terminal(script, self._environment)
        except subprocess.TimeoutExpired as error:
            raise WalkError(f"not done after {PATIENCE:.0f} s:\n{step.script}{error}") from None
        if code != 0:
            said = f"{out}{err}{self.told()}"
            raise WalkError(f"exit code {code}:\n{step.script}\n{said}")
        return out

    def export(self, name: str, value: str) -> None:
        """As if the reader had typed it."""
        self.run(Step(f"export {name}={shlex.quote(value)}\n", None))

    def _begin(self, script: str, until: str) -> None:
        self._log = (self._directory / "beside").open("wb")
        self._beside.append(
            subprocess.Popen(
                ["bash", "-c", script], cwd=ROOT, env=self._environment, stdout=self._log,
                stderr=self._log, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        )
        deadline = time.monotonic() + PATIENCE
        while until not in self.told():
            if self._beside[-1].poll() is not None or time.monotonic() > deadline:
                raise WalkError(f"never said {until!r}:\n{script}\n{self.told()}")
            time.sleep(0.2)

    def told(self) -> str:
        """The last that was printed in the second terminal."""
        path = self._directory / "beside"
        if not path.exists():
            return ""
        return "\n".join(["beside it:", *path.read_text(errors="replace").splitlines()[-15:]])

    def close(self) -> None:
        """End what runs beside, as Ctrl-C does."""
        for each in self._beside:
            if each.poll() is None:
                os.killpg(each.pid, signal.SIGINT)
                try:
                    each.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    os.killpg(each.pid, signal.SIGKILL)
                    each.wait()
        if self._log is not None:
            self._log.close()


def _in_terminal(script: str, environment: Mapping[str, str]) -> tuple[int, str, str]:
    """Exit code, stdout as on a terminal of 80 columns, and stderr. TimeoutExpired: not done."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 80, 0, 0))
    parts: list[bytes] = []

    def read() -> None:
        # Linux ends a terminal that nobody has open any more by an error.
        with suppress(OSError):
            while part := os.read(ours, 65536):
                parts.append(part)

    reader = threading.Thread(target=read)
    with TemporaryFile() as words:
        process = subprocess.Popen(
            ["bash", "-c", script], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
            stdout=theirs, stderr=words, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        reader.start()
        try:
            code = process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        finally:
            reader.join()
            os.close(ours)
        words.seek(0)
        out = b"".join(parts).decode(errors="replace").replace("\r\n", "\n")
        return code, out, words.read().decode(errors="replace")


def walk(
    steps: Iterable[Step],
    environment: Mapping[str, str],
    after: Callable[[Step, Shell], None] = lambda _step, _shell: None,
) -> dict[str, str]:
    """Run the steps in order; what each has printed, by its script. ``after`` each, the caller."""
    printed = {}
    with TemporaryDirectory() as directory:
        shell = Shell(environment, Path(directory))
        try:
            for step in steps:
                printed[step.script] = shell.run(step)
                after(step, shell)
        finally:
            shell.close()
    return printed
