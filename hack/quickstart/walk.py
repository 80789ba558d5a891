"""Runs the steps of one way through the page, in one shell's environment and directory."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from quickstart.page import ROOT, Step
from terminal import Terminal

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
        self._exports = directory / "exports"
        self._beside: Terminal | None = None

    def run(self, step: Step) -> str:
        """What the step prints. WalkError: it fails; with what was said beside it."""
        exports = shlex.quote(str(self._exports))
        script = f"test ! -f {exports} || . {exports}\n{step.checked}\nexport -p >{exports}\n"
        if step.beside:
            self._begin(script, step.beside)
            return ""
        terminal = Terminal(["bash", "-c", script], ROOT, self._environment)
        try:
            code, out, err = terminal.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            said = f"{terminal.seen()}{self.told()}"
            raise WalkError(f"not done after {PATIENCE:.0f} s:\n{step.script}\n{said}") from None
        if code != 0:
            said = f"{out}{err}{self.told()}"
            raise WalkError(f"exit code {code}:\n{step.script}\n{said}")
        return out

    def export(self, name: str, value: str) -> None:
        """As if the reader had typed it."""
        self.run(Step(f"export {name}={shlex.quote(value)}\n", None))

    def _begin(self, script: str, until: str) -> None:
        command = ["bash", "-c", f"exec 2>&1\n{script}"]
        self._beside = Terminal(command, ROOT, self._environment)
        deadline = time.monotonic() + PATIENCE
        while until not in self._beside.seen():
            if self._beside.ended or time.monotonic() > deadline:
                raise WalkError(f"never said {until!r}:\n{script}\n{self.told()}")
            time.sleep(0.2)

    def told(self) -> str:
        """The last that was printed in the second terminal."""
        if self._beside is None:
            return ""
        return "\n".join(["beside it:", *self._beside.seen().splitlines()[-15:]])

    def close(self) -> None:
        """End what runs beside, as Ctrl-C does."""
        if self._beside is not None:
            with suppress(subprocess.TimeoutExpired):
                self._beside.interrupt(20)


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
