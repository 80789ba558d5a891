"""The cluster that is measured: its nodes, its controllers' limits, and the operator's process."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import wavelab
from bench.api import Api
from bench.audit import Request, answered
from bench.errors import BenchError
from bench.machine import ROOT

CLUSTER: Final = "bench"
POOL: Final = {"pool": "bench"}
"""Label of all nodes."""
NAMESPACE: Final = "bench"

SHIPPED: Final = "shipped"
RAISED: Final = "raised"
LIMITS: Final[Mapping[str, int]] = {SHIPPED: 0, RAISED: 5000}
"""Requests a second that clients may send; 0: what each has by itself. 5,000 binds nobody here."""

USER: Final = "system:serviceaccount:wavegate-system:wavegate"
"""As whom the API server knows the operator."""

_START_SECONDS: Final = 60.0

Progress = Callable[[str], None]


class Operator:
    """``python -m wavegate`` under its ServiceAccount; its log is a file of its own."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path, born: float) -> None:
        self._process = process
        self._log = log
        self.pid = process.pid
        self.born = born
        """When it was started, in epoch seconds."""
        self.led = 0.0
        """When it was seen to lead and to know everything; 0: not yet."""

    async def started(self) -> None:
        """Wait until it leads and knows everything. Raises BenchError."""
        try:
            async with asyncio.timeout(_START_SECONDS):
                while not all(words in self.log() for words in ("leading as", "ready after")):
                    self.check()
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            words = f"the operator does not lead after {_START_SECONDS:.0f} s"
            raise BenchError(f"{words}:\n{self.log()[-2000:]}") from error
        self.led = time.time()

    async def kill(self) -> None:
        """SIGKILL: nothing is released, nothing is finished."""
        self._process.kill()
        await self._process.wait()

    async def end(self) -> None:
        """SIGTERM, as Kubernetes ends a pod: it gives its Lease up."""
        if self._process.returncode is None:
            self._process.terminate()
        await self._process.wait()

    def check(self) -> None:
        """Raises BenchError where it has ended."""
        if self._process.returncode is not None:
            raise BenchError(f"the operator ended:\n{self.log()[-2000:]}")

    def log(self) -> str:
        """All that it has said."""
        return self._log.read_text(errors="replace")

    @property
    def metrics(self) -> str:
        """Address of its metrics."""
        found = re.search(r"on port (\d+)", self.log())
        if not found:
            raise BenchError("the operator serves no metrics")
        return f"http://127.0.0.1:{found[1]}/metrics"


class Lab:
    """One cluster, from `open` to the end of the context."""

    def __init__(self, cluster: wavelab.Cluster, api: Api, directory: Path, say: Progress) -> None:
        self.cluster = cluster
        self.api = api
        self.say = say
        self._directory = directory
        self._started = 0
        self._limits = ""

    @classmethod
    @asynccontextmanager
    async def open(
        cls, nodes: int, directory: Path, say: Progress, *, audit: bool = False
    ) -> AsyncIterator[Lab]:
        """A cluster of its own with so many simulated nodes; it is removed at the end.

        ``audit``: each request is on record, which costs the API server a little.
        """
        cluster = wavelab.Cluster(CLUSTER)
        try:
            await asyncio.to_thread(cluster.down)  # of a run that was killed
            await asyncio.to_thread(
                cluster.up, simulated=nodes, progress=say, labels=POOL, audit=audit
            )
            crds = str(ROOT / "crds")
            cluster.kubectl("apply", "--filename", crds)
            cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", f"-f={crds}")
            cluster.kubectl("apply", "--filename", str(ROOT / "manifests" / "rights.yaml"))
            cluster.kubectl("create", "namespace", NAMESPACE)
            async with Api(Path(cluster.kubeconfig)) as api:
                yield cls(cluster, api, directory, say)
        finally:
            await asyncio.to_thread(cluster.down)

    async def set_limits(self, limits: str) -> None:
        """Let controllers and scheduler have these of LIMITS; they are started anew for it."""
        if limits != self._limits:
            self.say(f"controllers and scheduler with limits {limits}")
            await asyncio.to_thread(self.cluster.set_client_rate, LIMITS[limits])
            self._limits = limits

    async def requests(self, since: float) -> list[Request]:
        """What was done in the namespace since then (epoch seconds); it needs the audit log."""
        return await asyncio.to_thread(
            lambda: answered(self.cluster.audit_events(), NAMESPACE, since)
        )

    @asynccontextmanager
    async def operator(self, limits: str, *options: str) -> AsyncIterator[Operator]:
        """The operator, leading, with these of LIMITS and further options."""
        config = self.cluster.service_account_kubeconfig("wavegate-system", "wavegate")
        rate = LIMITS[limits]
        raised = [f"--write-rate={rate}", f"--write-burst={2 * rate}"] if rate else []
        command = [
            *(sys.executable, "-m", "wavegate", f"--kubeconfig={config}"),
            *("--lease-namespace=wavegate-system", "--metrics-bind=127.0.0.1:0", *raised),
            *options,
        ]
        self._started += 1
        log = self._directory / f"operator-{self._started}-{limits}.log"
        born = time.time()
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                *command,
                env={**os.environ, "PYTHONPATH": str(ROOT / "operator")},
                stdout=out,
                stderr=out,
            )
        made = Operator(process, log, born)
        try:
            await made.started()
            yield made
        finally:
            await made.end()
