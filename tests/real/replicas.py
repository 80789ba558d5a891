"""Operator processes behind proxies, kept running as Kubernetes keeps its pods."""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path
from typing import Final

import wavelab
from real.proxy import Passed, Proxy, Trouble
from real.troubles import Between, Troubles
from support.operator_process import OperatorProcess
from support.space import Space

LEASES: Final = "/apis/coordination.k8s.io/v1/namespaces/wavegate-system/leases"

AFTER_TAKE_OVER: Final = 3.0
"""Seconds for which the next leader is at work before the stopped one goes on."""


class Replica:
    """A process and the proxy through which it sees the API server."""

    def __init__(
        self,
        cluster: wavelab.Cluster,
        namespace: str,
        log: Path,
        trouble: Trouble,
        *options: str,
    ) -> None:
        directory = cluster.kubeconfig.parent
        config = json.loads(
            cluster.service_account_kubeconfig("wavegate-system", "wavegate").read_text()
        )
        [entry] = config["clusters"]
        certificates = directory / "control-plane" / "certificates"
        self.proxy = Proxy(entry["cluster"]["server"], certificates, trouble)
        self.proxy.start()
        entry["cluster"]["server"] = self.proxy.url
        kubeconfig = log.with_suffix(".kubeconfig")
        kubeconfig.touch(mode=0o600)
        kubeconfig.write_text(json.dumps(config))
        own = (f"--namespace={namespace}", f"--lease-name={namespace}")
        self.process = OperatorProcess(kubeconfig, log, *own, *options)
        self.launches: list[float] = []
        """Epoch seconds."""

    @property
    def leads(self) -> bool:
        return "leading as" in self.process.log()

    @property
    def is_ready(self) -> bool:
        return "ready after" in self.process.log()

    def launch(self) -> None:
        self.launches.append(time.time())
        self.process.launch()

    def close(self) -> None:
        self.process.close()
        self.proxy.close()


class Replicas:
    """All of a run. `tend` is to be called again and again."""

    def __init__(
        self,
        cluster: wavelab.Cluster,
        space: Space,
        troubles: Troubles,
        directory: Path,
        number: int,
    ) -> None:
        self.take_over: float | None = None
        """Seconds from the moment in which the leader was stopped until another led."""
        self.late: list[Passed] = []
        """Writes of the former leader that were passed on after that."""
        self.restarts = 0
        self._space = space
        self._troubles = troubles
        self._led_at = 0.0
        self.betweens: list[Between] = []
        self.all: list[Replica] = []
        for index in range(number):
            between = Between(troubles, partial(self._pid, index))
            self.betweens.append(between)
            log = directory / f"operator-{index}.log"
            self.all.append(Replica(cluster, space.name, log, between))

    def _pid(self, index: int) -> int:
        return self.all[index].process.pid

    def start(self) -> None:
        """The first one is to lead, and the others are to stand by, all of them ready."""
        for replica in self.all:
            replica.launch()
            leads = replica is self.all[0]
            self._space.wait(
                "a replica is ready",
                partial(self._is_up, replica, leads=leads),
                seconds=120,
            )

    def _is_up(self, replica: Replica, *, leads: bool) -> bool:
        self.tend()
        return replica.is_ready and replica.leads >= leads

    def tend(self) -> None:
        """Start again what has ended, and let go on what was stopped for long enough."""
        for replica, between in zip(self.all, self.betweens, strict=True):
            if replica.launches and not replica.process.running:
                self._start_again(replica, between)
        if self._troubles.stopped is not None:
            self._attend_to_stopped(self._troubles.stopped)

    def _start_again(self, replica: Replica, between: Between) -> None:
        killed = replica.process.pid in self._troubles.killed
        if killed and not self._troubles.waits_for_lease:
            self._space.client.delete(f"{LEASES}/{self._space.name}")  # as if its 15 s had passed
        replica.process.close()
        between.forget()
        self.restarts += 1
        replica.launch()

    def _attend_to_stopped(self, stopped: Between) -> None:
        index = self.betweens.index(stopped)
        other = self.all[1 - index]
        now = time.monotonic()
        if self.take_over is None:
            if other.leads and stopped.stopped_at is not None:
                self._led_at = self._took(other)
                self.take_over = self._led_at - stopped.stopped_at
        elif now > self._led_at + AFTER_TAKE_OVER and not stopped.goes_on.is_set():
            self.all[index].proxy.call(stopped.go_on)

    def _took(self, replica: Replica) -> float:
        """When its first write of the Lease was accepted (monotonic seconds)."""
        return next(each.came for each in replica.proxy.passed if each.writes and each.is_of_lease)

    def settle(self) -> None:
        """Read off what the former leader has still sent."""
        stopped = self._troubles.stopped
        if stopped is None:
            return
        replica = self.all[self.betweens.index(stopped)]
        self.late = [
            each
            for each in replica.proxy.passed
            if each.writes and each.sent is not None and each.sent > self._led_at
        ]

    def in_flight(self) -> list[Passed]:
        """Writes that were under way when a process was stopped."""
        stopped = self._troubles.stopped
        return [] if stopped is None else stopped.in_flight

    def requests(self) -> list[Passed]:
        return [each for replica in self.all for each in replica.proxy.passed]

    def launches(self) -> list[float]:
        return sorted(at for replica in self.all for at in replica.launches)

    def close(self) -> None:
        for replica in self.all:
            replica.close()
