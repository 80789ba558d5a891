"""Asking a Prometheus for the counters of all pods at once.

The address is the administrator's; the rest is as in ``scrape``: no redirects, and bounds of time
and bytes. Time is cut into turns, ten a window. A query is evaluated at the begin of a turn and
asked once a turn, whoever wants to know: those that come while it is under way wait for it, those
that come later in the turn share its answer, which is at most a tenth of a window old. So a reading
is of the same moment for errors and total, and readings of a pod, which are a window apart, are of
moments a window apart: none sees a sample that the one before has seen.

That holds while the clock goes forward. After it went back by more than a turn, each pod has a
reading refused, so that no window has its ends in the wrong order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import aiohttp

from wavegate.domain.actions import PrometheusSource
from wavegate.domain.health import Reading, Unreadable
from wavegate.domain.sources import ANSWERS_A_WINDOW
from wavegate.health.endpoint import Endpoint, Trust
from wavegate.health.parse import UnreadableError
from wavegate.health.scrape import TIMEOUT, fetch, what_went_wrong
from wavegate.health.vectors import Vector, parse_vector


@dataclass(frozen=True, slots=True)
class _Answer:
    errors: Vector
    total: Vector


@dataclass(frozen=True, slots=True)
class _Turn:
    """What was asked in a turn."""

    number: int
    begun: float
    """By the event loop's clock."""
    ahead: float
    """Seconds by which the wall clock was ahead of that one."""
    task: asyncio.Task[_Answer | str]
    """The answer, or what went wrong."""


class Prometheus:
    """Readings by node from the sources that are configured. ``now``: epoch seconds."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        endpoints: Mapping[str, Endpoint],
        now: Callable[[], float],
    ) -> None:
        self._session = session
        self._endpoints = {name: (each, Trust(each)) for name, each in endpoints.items()}
        self._now = now
        self._turns: dict[PrometheusSource, _Turn] = {}
        self._tasks: set[asyncio.Task[_Answer | str]] = set()

    async def read(self, node: str, source: PrometheusSource) -> Reading | Unreadable:
        """Errors and total of the pod on a node; never raises."""
        if source.name not in self._endpoints:
            return Unreadable(f"source {source.name}", "is not configured")
        address = f"source {source.name} ({self._endpoints[source.name][0].url})"
        now, clock = self._now(), asyncio.get_running_loop().time()
        number = int(now * ANSWERS_A_WINDOW // source.window)
        turn = self._turns.get(source)
        if turn is not None and clock < _over(turn, source):
            back = turn.ahead - (now - clock)
            if back > source.window / ANSWERS_A_WINDOW:
                return Unreadable(address, f"this process's clock went back by {back:.1f} s")
        if turn is None or turn.number != number:
            turn = self._begin(source, number, clock, now - clock)
        # Whoever is stopped while waiting stops nobody else's question.
        answer = await asyncio.shield(turn.task)
        if isinstance(answer, str):
            return Unreadable(address, answer)
        try:
            total = _named("totalQuery", answer.total.count, node)
            return Reading(errors=_named("errorQuery", answer.errors.count, node), total=total)
        except UnreadableError as error:
            return Unreadable(address, what_went_wrong(error))

    async def close(self) -> None:
        """Ask no more."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, source: PrometheusSource, number: int, begun: float, ahead: float) -> _Turn:
        at = number * source.window / ANSWERS_A_WINDOW
        task = asyncio.create_task(self._ask(source, at), name=f"query of source {source.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._turns = {
            each: turn for each, turn in self._turns.items() if begun < _over(turn, each)
        }
        self._turns[source] = turn = _Turn(number, begun, ahead, task)
        return turn

    async def _ask(self, source: PrometheusSource, at: float) -> _Answer | str:
        try:
            async with asyncio.timeout(TIMEOUT):
                total = await self._query("totalQuery", source.total_query, source, at)
                errors = await self._query("errorQuery", source.error_query, source, at)
        except Exception as error:
            return what_went_wrong(error)
        return _Answer(errors, total)

    async def _query(self, field: str, text: str, source: PrometheusSource, at: float) -> Vector:
        endpoint, trust = self._endpoints[source.name]
        parameters = {
            "query": text,
            "time": f"{at:.3f}",
            "timeout": f"{TIMEOUT:g}s",
            "partial_response": "false",  # Thanos: an error instead of what some stores know
        }
        url = endpoint.query_url.with_query(parameters)
        headers, trusted = endpoint.headers(), trust.context()
        try:
            page = await fetch(self._session, url, headers, trusted)
            return parse_vector(page.body)
        except (UnreadableError, aiohttp.ClientError) as error:
            token = headers.get("Authorization", "").removeprefix("Bearer ")
            raise UnreadableError(f"{field} {what_went_wrong(error, token)}") from error


def _over(turn: _Turn, source: PrometheusSource) -> float:
    """When each pod has been read again since the turn, by the event loop's clock."""
    return turn.begun + 2 * source.window


def _named(field: str, count: Callable[[str], float], node: str) -> float:
    try:
        return count(node)
    except UnreadableError as error:
        raise UnreadableError(f"{field} {error}") from error
