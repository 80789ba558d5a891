"""Leadership: of several operators one writes, by a Lease.

Who holds the Lease renews it every two seconds, and tries again each second where that fails; who
does not manage to for ten seconds stops, five before anybody else may take it. A write may take
those five seconds (`client.WRITE_TIMEOUT`), and whether the Lease is held is asked before each.
Time is CLOCK_BOOTTIME, which goes on while a machine sleeps, and a Lease's age is how long *we*
have not seen it change, so that no two clocks are compared.

A standby watches the Lease: one that is given up or runs out is taken at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any, Final

from wavegate.domain.times import format_time_micro
from wavegate.kube.errors import AlreadyExists, ApiError, Conflict, NotFound
from wavegate.kube.resources import LEASES
from wavegate.kube.transport import Transport

DURATION: Final = 15.0
RENEW_DEADLINE: Final = 10.0
RETRY: Final = 2.0
RETRY_FAILED: Final = 1.0
"""Seconds until a renewal that failed is tried again: of many that are refused one may do."""

_REQUEST_TIMEOUT: Final = 3.0
_RELEASED_SECONDS: Final = 1

_log = logging.getLogger(__name__)


class LeadershipLost(Exception):
    """The Lease could not be renewed in time, or somebody else has it."""


class Leadership:
    """This process's claim to lead.

    ``clock``: CLOCK_BOOTTIME seconds; ``now``: epoch seconds, for what people read in the Lease;
    ``identity`` must be unlike that of any other process.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        namespace: str,
        name: str,
        identity: str,
        clock: Callable[[], float],
        now: Callable[[], float],
    ) -> None:
        self.acquired = asyncio.Event()
        self._transport = transport
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._clock = clock
        self._now = now
        self._lease: dict[str, Any] = {}
        self._seen_at = 0.0
        self._renewed: float | None = None

    def held(self) -> bool:
        """Whether a write may begin now."""
        return self._renewed is not None and self._clock() - self._renewed < RENEW_DEADLINE

    async def run(self) -> None:
        """Take the Lease as soon as it is free, then keep it. Raises LeadershipLost."""
        while not await self._try():
            await self._stand_by()
        _log.info("leading as %s by lease %s/%s", self._identity, self._namespace, self._name)
        self.acquired.set()
        await self._keep()

    async def release(self) -> None:
        """Give the Lease up, so that the next process need not wait for its end."""
        if self._renewed is None:
            return
        self._renewed = None
        spec = {
            **self._lease["spec"],
            "holderIdentity": "",
            "leaseDurationSeconds": _RELEASED_SECONDS,
            "renewTime": format_time_micro(self._now()),
        }
        try:
            await self._put(spec)
        except ApiError as error:
            _log.warning("the lease was not given up: %s", error)

    async def _keep(self) -> None:
        wait = RETRY
        while True:
            await asyncio.sleep(wait)
            started, wait = self._clock(), RETRY
            try:
                await self._renew(started)
            except ApiError as error:
                assert self._renewed is not None
                left = RENEW_DEADLINE - (self._clock() - self._renewed)
                wait = max(RETRY_FAILED, error.retry_after or 0.0)
                _log.warning("the lease was not renewed (%.1f s left): %s", left, error)
                if left <= wait:
                    self._renewed = None
                    raise LeadershipLost(f"not renewed in time: {error}") from error

    async def _renew(self, started: float) -> None:
        spec = {**self._lease["spec"], "renewTime": format_time_micro(self._now())}
        try:
            await self._put(spec)
        except Conflict:
            # Our own renewal whose answer was lost, or somebody else.
            await self._look()
            holder = _holder(self._lease)
            if holder != self._identity:
                self._renewed = None
                raise LeadershipLost(f"{holder or 'nobody'} has it now") from None
            await self._put({**self._lease["spec"], "renewTime": spec["renewTime"]})
        self._renewed = started

    async def _try(self) -> bool:
        """Take the Lease if it is free; False where it is not, or may not be."""
        started = self._clock()
        try:
            await self._look()
            if not self._is_free():
                return False
            await self._put(self._claim())
        except NotFound:
            return await self._create(started)
        except ApiError as error:
            _log.warning("the lease cannot be taken: %s", error)
            await asyncio.sleep(_pause(error))
            return False
        self._renewed = started
        return True

    async def _create(self, started: float) -> bool:
        body = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": self._claim(),
        }
        path = LEASES.collection(self._namespace)
        try:
            made = await self._transport.request("POST", path, body=body, timeout=_REQUEST_TIMEOUT)
        except AlreadyExists:
            return False
        except ApiError as error:
            _log.warning("the lease cannot be made: %s", error)
            await asyncio.sleep(_pause(error))
            return False
        self._note(made)
        self._renewed = started
        return True

    def _claim(self) -> dict[str, Any]:
        now = format_time_micro(self._now())
        before = self._lease.get("spec") or {}
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(DURATION),
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": (before.get("leaseTransitions") or 0) + bool(before),
        }

    async def _stand_by(self) -> None:
        """Wait until it is worth another try: the Lease was given up, ran out, or went."""
        if not self._lease:
            await asyncio.sleep(RETRY)
            return
        query = {
            "fieldSelector": f"metadata.name={self._name}",
            "resourceVersion": self._lease["metadata"]["resourceVersion"],
        }
        path, wait = LEASES.collection(self._namespace), RETRY
        try:
            events = self._transport.watch(path, query, idle_timeout=DURATION + RETRY)
            async with aclosing(events):
                while not self._is_free():
                    async with asyncio.timeout(max(0.0, self._left())):
                        event = await anext(events)
                    if event["type"] not in ("ADDED", "MODIFIED"):
                        break
                    self._note(event["object"])
                else:
                    return
        except TimeoutError:
            return
        except StopAsyncIteration:
            _log.debug("the watch of the lease ended")
        except ApiError as error:
            _log.debug("the watch of the lease ended: %r", error)
            wait = _pause(error)
        # No watch to be had just now: ask as often as one would renew.
        await asyncio.sleep(wait)

    async def _look(self) -> None:
        path = LEASES.object(self._namespace, self._name)
        self._note(await self._transport.request("GET", path, timeout=_REQUEST_TIMEOUT))

    async def _put(self, spec: Mapping[str, Any]) -> None:
        """At the resourceVersion last seen: of two that try, one gets a Conflict."""
        path = LEASES.object(self._namespace, self._name)
        body = {**self._lease, "spec": spec}
        answer = await self._transport.request("PUT", path, body=body, timeout=_REQUEST_TIMEOUT)
        self._note(answer)

    def _note(self, lease: dict[str, Any]) -> None:
        if lease["metadata"]["resourceVersion"] != self._version():
            self._seen_at = self._clock()
        self._lease = lease

    def _version(self) -> str:
        return str(self._lease["metadata"]["resourceVersion"]) if self._lease else ""

    def _is_free(self) -> bool:
        return not _holder(self._lease) or self._left() <= 0

    def _left(self) -> float:
        """Seconds until the Lease, as last seen to change, runs out."""
        spec = self._lease.get("spec") or {}
        duration = float(spec.get("leaseDurationSeconds") or DURATION)
        return self._seen_at + duration - self._clock()


def _pause(error: ApiError) -> float:
    """Seconds until the next try after one that failed."""
    return max(RETRY, error.retry_after or 0.0)


def _holder(lease: Mapping[str, Any]) -> str:
    return str((lease.get("spec") or {}).get("holderIdentity") or "")
