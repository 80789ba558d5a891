"""Whether the kind that owns our pods is still served.

Where CRDs are removed before the jobs, the garbage collector no longer knows the pods' owners and
leaves the pods. So once Execution has been gone from discovery for half a minute, the operator
removes the pods that it knows. A 404, a list that fails or a discovery that cannot be read says
nothing: only an answer that lists our group without the kind, or all groups without ours, counts,
and only if it stays so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final, NoReturn

from wavegate.kube.errors import ApiError, NotFound
from wavegate.kube.resources import EXECUTIONS, Resource
from wavegate.kube.transport import Transport

GONE_AFTER: Final = 30.0
"""Seconds for which every answer has to be that it is not served."""

PAUSE: Final = 5.0
"""Seconds between two looks, while there is doubt."""

_TIMEOUT: Final = 5.0
_GROUPS: Final = "/apis"

_log = logging.getLogger(__name__)


class KindWatch:
    """``clock``: monotonic seconds; ``changed`` is called when `gone` has changed."""

    def __init__(
        self, transport: Transport, clock: Callable[[], float], changed: Callable[[], None]
    ) -> None:
        self.gone = False
        self._transport = transport
        self._clock = clock
        self._changed = changed
        self._doubt = asyncio.Event()

    def request_failed(self, resource: Resource, error: ApiError) -> None:
        """A list or watch of a resource failed; only a 404 of the kind is a reason to look."""
        if resource == EXECUTIONS and isinstance(error, NotFound):
            self._doubt.set()

    async def run(self) -> NoReturn:
        """Look as long as there is doubt, until cancelled."""
        missing_since: float | None = None
        while True:
            await self._doubt.wait()
            served, now = await self._served(), self._clock()
            if served:
                missing_since = None
                self._doubt.clear()
                self._tell(gone=False)
                continue
            missing_since = None if served is None else min(now, missing_since or now)
            if missing_since is not None and now - missing_since >= GONE_AFTER:
                self._tell(gone=True)
            await asyncio.sleep(PAUSE)

    def _tell(self, *, gone: bool) -> None:
        if gone == self.gone:
            return
        self.gone = gone
        if gone:
            _log.warning("kind %s is no longer served: removing its pods", EXECUTIONS.kind)
        else:
            _log.info("kind %s is served again", EXECUTIONS.kind)
        self._changed()

    async def _served(self) -> bool | None:
        """Whether discovery has the kind; None where it cannot be read."""
        try:
            groups = await self._get(_GROUPS)
            if not any(each.get("name") == EXECUTIONS.group for each in groups["groups"]):
                return False
            kinds = await self._get(f"{_GROUPS}/{EXECUTIONS.api_version}")
            return any(each.get("name") == EXECUTIONS.plural for each in kinds["resources"])
        except (ApiError, KeyError, TypeError, AttributeError) as error:
            _log.warning("discovery cannot be read: %s", error)
            return None

    async def _get(self, path: str) -> dict[str, Any]:
        return await self._transport.request("GET", path, timeout=_TIMEOUT)
