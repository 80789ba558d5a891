"""The operator as a process of its own, under its ServiceAccount's token."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from demo.errors import DemoError

ROOT = Path(__file__).parents[2]
_READY_SECONDS = 60.0


class OperatorProcess:
    """``python -m wavegate``; what it says goes into ``log``."""

    def __init__(
        self,
        kubeconfig: Path,
        log: Path,
        *,
        lease_namespace: str,
        namespace: str,
        image: str | None,
        marks: Mapping[str, str],
    ) -> None:
        self.log = log
        self._marks = marks
        self._command = [
            sys.executable,
            "-m",
            "wavegate",
            f"--kubeconfig={kubeconfig}",
            f"--lease-namespace={lease_namespace}",
            f"--namespace={namespace}",
            "--metrics-bind=127.0.0.1:0",
        ]
        if image:
            self._command.append(f"--pipeline-image={image}")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it leads."""
        environment = {**os.environ, **self._marks, "PYTHONPATH": str(ROOT / "operator")}
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            # A session of its own: Ctrl-C is for the demonstration, which ends it in order.
            self._process = subprocess.Popen(
                self._command, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + _READY_SECONDS
        while "leading as" not in self.log.read_text(errors="replace"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise DemoError(f"the operator did not start:\n{self.tail()}")
            time.sleep(0.1)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """End it as Kubernetes does."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def tail(self, lines: int = 15) -> str:
        """The last lines of its log."""
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
