"""A simulated cluster as a whole: server, nodes, users, and operator processes that may be killed.

Everything follows from the seed and from what is done, so that a run can be repeated exactly.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable, Mapping
from contextvars import copy_context
from dataclasses import replace
from random import Random
from typing import Any, Final, cast

import aiohttp

from wavegate.app import Operator
from wavegate.kube.clock import ServerClock
from wavegate.kube.resources import BY_KIND, FLEET_DEPLOYMENTS, FLEET_JOBS
from wavegate.kube.transport import MERGE_PATCH
from wavegate.settings import Settings
from wavegate.simulation.counters import CountersSession
from wavegate.simulation.endpoints import Endpoints
from wavegate.simulation.fleet import Fleet
from wavegate.simulation.frame import WatchFrame
from wavegate.simulation.kinds import NAMESPACES, SERVED
from wavegate.simulation.loop import PROCESS, VirtualLoop
from wavegate.simulation.rights import Account, Administrator
from wavegate.simulation.server import Server
from wavegate.simulation.store import Document
from wavegate.simulation.transport import SimulatedTransport, Trouble
from wavegate.surroundings import Surroundings

START: Final = 1_700_000_000.0
"""Epoch seconds at which each simulation begins."""

NAMESPACE: Final = "default"
LEASE_NAMESPACE: Final = "wavegate-system"
RESTARTED_AFTER: Final = 2.0
"""Seconds after which a process that has ended is started again."""

_USER: Final = Administrator("user")
_SETTINGS: Final = Settings(identity="")


class Machine:
    """Where a replica's processes run, one after the other."""

    ahead = 0.0
    """Seconds by which its wall clock is ahead of the server's."""
    starts_after = RESTARTED_AFTER
    """Seconds from the end of a process to the start of the next."""


class Process:
    """One operator process, from its start to its end."""

    def __init__(
        self,
        cluster: SimulatedCluster,
        identity: str,
        machine: Machine,
        trouble: TroubleOf | None,
    ) -> None:
        self.identity = identity
        self.machine = machine
        self.started = cluster.now()
        clock = ServerClock(lambda: cluster.now() + machine.ahead, cluster.loop.time)
        self.transport = SimulatedTransport(cluster.server, cluster.account, clock)
        if trouble is not None:
            self.transport.trouble = trouble(self)
        self._loop = cluster.loop
        rng = Random(f"{cluster.seed} {identity}")  # noqa: S311  (to be repeated)
        around = Surroundings(
            now=clock.now,
            monotonic=cluster.loop.time,
            boottime=cluster.loop.time,
            rng=rng,
            new_id=lambda: f"{rng.getrandbits(32):08x}",
        )
        self.operator = Operator(
            replace(cluster.settings, identity=identity),
            WatchFrame(self.transport),
            self.transport,
            cast("aiohttp.ClientSession", CountersSession(cluster.fleet)),
            LEASE_NAMESPACE,
            around,
            call=cluster.endpoints.make,
        )
        context = copy_context()
        context.run(PROCESS.set, self)
        self.task = cluster.loop.create_task(self.operator.run(), name=identity, context=context)

    def kill(self) -> None:
        """As SIGKILL: nothing of it reaches the server from now on."""
        if self.transport.dead:
            return
        self.transport.dead = True
        self._loop.thaw(self)
        self.task.cancel()

    def pause(self) -> None:
        """As SIGSTOP."""
        self._loop.freeze(self)

    def resume(self) -> None:
        """As SIGCONT."""
        self._loop.thaw(self)


TroubleOf = Callable[[Process], Trouble]


class SimulatedCluster:
    """To be made within a running `VirtualLoop`. ``roles``: what the operator may do.

    ``settings``: of its processes, but for their identity.
    """

    def __init__(
        self,
        roles: Iterable[Mapping[str, Any]],
        seed: int = 0,
        settings: Settings = _SETTINGS,
    ) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.loop = loop
        self.seed = seed
        self.settings = settings
        self.account = Account("wavegate", roles)
        self.server = Server(self.now, Random(f"{seed} server"))  # noqa: S311
        self.fleet = Fleet(self.server, self.now)
        self.endpoints = Endpoints(self.now)
        self.processes: list[Process] = []
        self._numbers = itertools.count(1)
        self._keepers: list[asyncio.Task[None]] = []
        self._context = copy_context()
        for name in (NAMESPACE, LEASE_NAMESPACE):
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            self.server.request(_USER, "POST", NAMESPACES.collection(), body=body)

    def now(self) -> float:
        """Epoch seconds."""
        return START + self.loop.time()

    def later(self, seconds: float, do: Callable[[], object]) -> None:
        """Call ``do`` then, whatever becomes of the process that asks for it."""
        self.loop.call_later(seconds, do, context=self._context)

    def apart(self, do: Callable[[], object]) -> None:
        """Call ``do`` now, as the doing of no process."""
        self._context.run(do)

    # processes

    def keep_running(self, trouble: TroubleOf | None = None) -> None:
        """One replica of the operator: a process that is started again whenever it ends."""
        keeper = self._keep_running(trouble)
        self._keepers.append(self.loop.create_task(keeper, name="replica"))

    async def _keep_running(self, trouble: TroubleOf | None) -> None:
        machine = Machine()
        while True:
            process = Process(self, f"operator-{next(self._numbers)}", machine, trouble)
            self.processes.append(process)
            await asyncio.wait([process.task])
            process.transport.dead = True
            await asyncio.sleep(machine.starts_after)
            machine.starts_after = RESTARTED_AFTER

    @property
    def living(self) -> list[Process]:
        """Processes that were not killed and have not ended."""
        return [each for each in self.processes if not each.transport.dead]

    async def close(self) -> None:
        """Kill everything and wait until it is gone."""
        for keeper in self._keepers:
            keeper.cancel()
        for process in self.processes:
            process.kill()
        everything = [*self._keepers, *(each.task for each in self.processes)]
        await asyncio.gather(*everything, return_exceptions=True)

    # users

    def apply(self, name: str, spec: Mapping[str, Any]) -> Document:
        """Create the job, or replace its spec."""
        there = self.get(FLEET_JOBS.kind, name)
        if there is not None:
            path = FLEET_JOBS.object(NAMESPACE, name)
            return self.server.request(_USER, "PUT", path, body={**there, "spec": dict(spec)})
        return self.create(FLEET_JOBS.kind, name, spec)

    def deploy(self, name: str, spec: Mapping[str, Any]) -> Document:
        """A user's deployment."""
        return self.create(FLEET_DEPLOYMENTS.kind, name, spec)

    def patch(self, kind: str, name: str, change: Mapping[str, Any]) -> Document:
        path = BY_KIND[kind].object(NAMESPACE, name)
        return self.server.request(_USER, "PATCH", path, body=change, content_type=MERGE_PATCH)

    def delete(self, kind: str, name: str) -> None:
        self.server.request(_USER, "DELETE", BY_KIND[kind].object(NAMESPACE, name))

    def get(self, kind: str, name: str) -> Document | None:
        return self.server.store.get(SERVED[kind], (NAMESPACE, name))

    def list(self, kind: str) -> list[Document]:
        items = self.server.request(_USER, "GET", BY_KIND[kind].collection())["items"]
        return [dict(each) for each in items]

    def create(self, kind: str, name: str, spec: Mapping[str, Any]) -> Document:
        resource = BY_KIND[kind]
        body = {
            "apiVersion": resource.api_version,
            "kind": kind,
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": dict(spec),
        }
        return self.server.request(_USER, "POST", resource.collection(NAMESPACE), body=body)
