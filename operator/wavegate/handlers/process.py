"""Kopf as the frame of the process: credentials, settings, and the two watches where work begins.

Kopf writes nothing: no progress, no last-seen state, no finalizer, no event, no peering. It also
does not decide anything; its handlers are in `jobs` and `deployments`.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Protocol

import kopf
from kopf._cogs.structs.references import Insights

from wavegate.handlers.storages import ForgetfulDiffBase, ForgetfulProgress
from wavegate.kube.access import Access
from wavegate.kube.resources import FLEET_DEPLOYMENTS, FLEET_JOBS, HTTP_JOBS

CONNECT_TIMEOUT: Final = 5.0
SERVER_TIMEOUT: Final = 60
"""Seconds after which the API server ends a watch, as asked, and kopf begins another.

Whole, and an int: kopf sends it as it is, and the server refuses ``60.0``.
"""

CLIENT_TIMEOUT: Final = 75.0
"""Seconds after which a watch is ended that the server has not: its connection is dead."""
EXIT_TIMEOUT: Final = 1.0
AGAIN: Final = 20.0
"""Seconds after which kopf is begun anew where it has ended."""
LOOK: Final = 5.0
"""Seconds after which kinds that are not served are looked for again."""
WATCHED: Final = (FLEET_JOBS, FLEET_DEPLOYMENTS, HTTP_JOBS)
"""The kinds that kopf delivers."""

_NOT_FOUND: Final = 404
_KOPF: Final = f"{Path(kopf.__file__).parent}/"

_log = logging.getLogger(__name__)


class Frame(Protocol):
    """What delivers the objects that work begins with to the handlers of its registry."""

    @property
    def registry(self) -> kopf.OperatorRegistry:
        """Where the handlers are to be added, before it runs."""
        ...

    async def run(
        self, namespaces: Sequence[str], *, ready: asyncio.Event, stop: asyncio.Event
    ) -> None:
        """Deliver from ``namespaces`` (empty: all) until ``stop`` is set. Raises what ended it."""
        ...


class _Ours(Collection[asyncio.Task[Any]]):
    """All tasks but kopf's.

    When kopf ends, it takes every task for its own that is not said to be another's, and cancels
    it. The process goes on, and with it what it has begun meanwhile: calls, probes, passes.
    """

    def __contains__(self, task: object) -> bool:
        made_of = task.get_coro() if isinstance(task, asyncio.Task) else None
        code = getattr(made_of, "cr_code", None)
        return code is None or not code.co_filename.startswith(_KOPF)

    def __iter__(self) -> Iterator[asyncio.Task[Any]]:
        return (task for task in asyncio.all_tasks() if task in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _NotServed(Exception):
    """Discovery lacked a kind when kopf was begun."""


class KopfFrame:
    """Kopf, with a registry of our own for login, settings and handlers."""

    def __init__(self, access: Access) -> None:
        self.registry = kopf.OperatorRegistry()
        self._missing: list[str] = []

        @kopf.on.login(registry=self.registry)
        async def login(**_: Any) -> kopf.ConnectionInfo:
            return kopf.ConnectionInfo(**asdict(await access.connection()))

        @kopf.on.startup(registry=self.registry)
        async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
            settings.posting.enabled = False
            settings.scanning.disabled = True
            settings.persistence.progress_storage = ForgetfulProgress()
            settings.persistence.diffbase_storage = ForgetfulDiffBase()
            settings.watching.connect_timeout = CONNECT_TIMEOUT
            settings.watching.server_timeout = SERVER_TIMEOUT
            settings.watching.client_timeout = CLIENT_TIMEOUT
            # Where this one goes off while an event is handed over, kopf takes its watch for ended
            # on purpose, and begins none again. So it never does: a watch lasts no longer.
            settings.watching.inactivity_timeout = 2 * CLIENT_TIMEOUT
            settings.queueing.exit_timeout = EXIT_TIMEOUT
            # Where kopf ends and is begun anew, it would kill the process ten minutes later.
            settings.process.ultimate_exiting_timeout = None

    async def run(
        self, namespaces: Sequence[str], *, ready: asyncio.Event, stop: asyncio.Event
    ) -> None:
        """Run kopf's part. SIGTERM and SIGINT set ``stop`` from when it is ready.

        Kopf ends where its kinds are no longer served. The process must not: it has their pods to
        remove. So kopf is begun anew, until they are served again; and also where an object is
        nested more deeply than this interpreter reads (see `kube.reading`), for the others are
        compared with lists of our own.
        """
        while not stop.is_set():
            begun, insights = asyncio.Event(), Insights()
            signals = asyncio.create_task(_when_begun(begun, ready, stop), name="signals")
            try:
                tasks = await kopf.spawn_tasks(
                    registry=self.registry,
                    standalone=True,
                    clusterwide=not namespaces,
                    namespaces=list(namespaces),
                    ready_flag=begun,
                    stop_flag=stop,
                    insights=insights,
                )
                look = asyncio.create_task(self._look(insights), name="look for kinds")
                await kopf.run_tasks([*tasks, look], ignored=_Ours())
            except _NotServed:
                _take_signals(stop)
            except Exception as error:  # kopf's own types are private
                if getattr(error, "status", None) == _NOT_FOUND:
                    words = "FleetJob, FleetDeployment or HTTPJob is not served"
                elif isinstance(error, RecursionError):
                    words = "a FleetJob, FleetDeployment or HTTPJob is nested too deeply to be read"
                else:
                    raise
                _take_signals(stop)  # whatever kopf had come to
                _log.warning("%s; looked for again", words)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), AGAIN)
            else:
                return
            finally:
                signals.cancel()

    async def _look(self, insights: Insights) -> None:
        """Raise `_NotServed`, after a while, where kopf has not found all kinds.

        It reads discovery once, as it begins, since to be told of changes takes rights on all
        CRDs; so of a kind that was not there it would never hear. It delivers the others until
        then.
        """
        await insights.ready_resources.wait()
        found = {(each.group, each.plural) for each in insights.watched_resources}
        missing = [each.kind for each in WATCHED if (each.group, each.plural) not in found]
        if missing and missing != self._missing:
            _log.warning("not served: %s; looked for every %.0f s", ", ".join(missing), LOOK)
        elif self._missing and not missing:
            _log.info("now served: %s", ", ".join(self._missing))
        self._missing = missing
        if missing:
            await asyncio.sleep(LOOK)
            raise _NotServed
        await asyncio.Event().wait()


async def _when_begun(begun: asyncio.Event, ready: asyncio.Event, stop: asyncio.Event) -> None:
    """Kopf takes signals when it starts, and would end its part before the Lease is given up."""
    await begun.wait()
    _take_signals(stop)
    ready.set()


def _take_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
