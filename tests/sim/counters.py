"""A Prometheus that scrapes a world's pods, as one pod is read by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wavegate.domain.health import Reading, Unreadable

if TYPE_CHECKING:
    from sim.world import World
    from wavegate.domain.actions import PrometheusSource


def from_source(
    world: World, source: PrometheusSource, reading: Reading | Unreadable
) -> Reading | Unreadable:
    """What it says of a pod. ``reading``: what the pod itself would say."""
    address = f"source {source.name}"
    if source.name not in world.settings.prometheus_sources:
        return Unreadable(address, "is not configured")
    if source.name in world.sources_down:
        return Unreadable(address, "cannot connect")
    if isinstance(reading, Unreadable):
        return Unreadable(address, "totalQuery has no sample")
    return reading
