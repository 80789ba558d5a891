"""Debian's Prometheus as a program of a cluster; it is unpacked and never installed.

Debian builds it without the discovery of Kubernetes pods: targets come from `http_sd_configs` or a
file that somebody keeps.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from wavelab import machine, network
from wavelab.errors import WavelabError
from wavelab.process import Processes
from wavelab.state import State

READY_SECONDS = 30.0
_NAME = "prometheus"


class Prometheus:
    """The one of a cluster, on loopback. It ends with the cluster at the latest."""

    def __init__(self, state: State, processes: Processes) -> None:
        self._directory = state.directory / _NAME
        self._processes = processes

    def start(self, config: Mapping[str, Any]) -> str:
        """Start it, or start it again at the same address; returns the address once it is ready.

        Raises WavelabError with its last words when it ends or is not ready in time.
        """
        program = machine.unpacked(_NAME) / "usr" / "bin" / _NAME
        self._directory.mkdir(exist_ok=True)
        written = self._directory / "config.yml"
        written.write_text(json.dumps(config))
        port = self._port()
        self._processes.start(
            _NAME,
            [
                str(program),
                f"--config.file={written}",
                f"--storage.tsdb.path={self._directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
        )
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + READY_SECONDS
        while not _is_ready(address):
            if time.monotonic() > deadline or not self._processes.alive(_NAME):
                raise WavelabError(f"no Prometheus: {self._processes.last_words(_NAME)}")
            time.sleep(0.05)
        return address

    def stop(self) -> None:
        """Kill it (SIGKILL), as when its machine is lost; its data stay."""
        self._processes.stop(_NAME)

    def _port(self) -> int:
        chosen = self._directory / "port"
        if not chosen.exists():
            chosen.write_text(str(network.free_ports(1, ())[0]))
        return int(chosen.read_text())


def _is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/-/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
