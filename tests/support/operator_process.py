"""The real operator process, as a test's own: started, killed, started again, and asked."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from support.shared import is_alive

ROOT = Path(__file__).parents[2]
USER = "system:serviceaccount:wavegate-system:wavegate"
"""As whom the API server knows it."""

_PORT = re.compile(r"on port (\d+)")
_READY = re.compile(r"ready after ([0-9.]+) s")


class OperatorProcess:
    """``python -m wavegate`` under a ServiceAccount's kubeconfig; its log is a file."""

    def __init__(self, kubeconfig: Path, log: Path, *options: str) -> None:
        self.log_file = log
        self._kubeconfig = kubeconfig
        self._command = [
            sys.executable,
            "-m",
            "wavegate",
            f"--kubeconfig={kubeconfig}",
            "--lease-namespace=wavegate-system",
            "--metrics-bind=127.0.0.1:0",
            "--verbose",
            *options,
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self._adopted: int | None = None

    @classmethod
    def adopted(cls, pid: int, log: Path) -> OperatorProcess:
        """The process ``pid``, which another test process has started: it can only be asked."""
        process = cls(Path(os.devnull), log)
        process._adopted = pid
        return process

    def start(self) -> None:
        """Start it and wait until it leads and knows everything."""
        self.launch()
        self.wait_for_log("leading as")
        self.wait_for_log("ready after")

    def launch(self) -> None:
        """Start it; whether it leads is another matter."""
        assert self._process is None
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "operator")}
        with self.log_file.open("ab") as log:
            log.write(b"--- started\n")
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=environment, stdout=log, stderr=log
            )

    @property
    def running(self) -> bool:
        if self._adopted is not None:
            return is_alive(self._adopted)
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process; it has been started."""
        if self._adopted is not None:
            return self._adopted
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL: nothing is released, nothing is finished."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def stop(self) -> int:
        """SIGTERM, as Kubernetes ends a pod; its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(timeout=30)
        self._process = None
        return code

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def log(self) -> str:
        """What it has said since it was last started."""
        return self.log_file.read_text(errors="replace").rpartition("--- started\n")[2]

    def token(self) -> str:
        """By which the API server knows it."""
        [user] = json.loads(self._kubeconfig.read_text())["users"]
        return str(user["user"]["token"])

    def wait_for_log(self, text: str, seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.log():
            assert self.running, f"the operator ended:\n{self.log()[-3000:]}"
            assert time.monotonic() < deadline, f"never said {text!r}:\n{self.log()[-3000:]}"
            time.sleep(0.05)

    def ready_seconds(self) -> float:
        """Seconds from its start until everything was known."""
        found = _READY.search(self.log())
        assert found, self.log()[-3000:]
        return float(found[1])

    def resident_mib(self) -> float:
        """Memory of the process now."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        kib = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert kib
        return int(kib[1]) / 1024

    def metrics_url(self) -> str:
        """Where it serves its metrics since it was last started."""
        found = _PORT.search(self.log())
        assert found, self.log()[-3000:]
        return f"http://127.0.0.1:{found[1]}/metrics"

    def metrics(self) -> str:
        """The text that it serves at /metrics."""
        with urllib.request.urlopen(self.metrics_url(), timeout=10) as answer:
            return str(answer.read().decode())
