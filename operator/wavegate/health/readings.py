"""Readings of every kind of source, counted."""

from __future__ import annotations

from collections.abc import Callable

import aiohttp

from wavegate.domain.actions import CounterSource, PrometheusSource, Source
from wavegate.domain.health import Reading, Unreadable
from wavegate.domain.observed import PodView
from wavegate.health.prometheus import Prometheus
from wavegate.health.scrape import read_counters


class Readings:
    """Reads a pod's counters. ``counted`` is told the kind of source, and whether it was read."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        prometheus: Prometheus,
        counted: Callable[[str, bool], None],
    ) -> None:
        self._session = session
        self._prometheus = prometheus
        self._counted = counted

    async def read(self, pod: PodView, source: Source) -> Reading | Unreadable:
        """The pod's counters now; never raises."""
        match source:
            case CounterSource():
                kind, reading = "pod", await read_counters(self._session, pod.ip, source)
            case PrometheusSource():
                kind, reading = "prometheus", await self._prometheus.read(pod.node, source)
        self._counted(kind, isinstance(reading, Reading))
        return reading
