"""Jobs that are executed when asked: what the rules of runs read of their specs, whatever kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from wavegate.api.fleet_runs import FleetRuns
from wavegate.api.fleetjob import FleetJobSpec
from wavegate.api.runs import Runs
from wavegate.api.trigger import Trigger


class Asked(Protocol):
    """A spec, as far as it is about runs. An HTTPJob's is one as it stands."""

    @property
    def runs(self) -> Runs: ...
    @property
    def trigger(self) -> Trigger: ...
    @property
    def suspend(self) -> bool: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def revision_history_limit(self) -> int: ...


@dataclass(frozen=True, slots=True)
class FleetAsked:
    """A FleetJob's."""

    runs: Runs
    trigger: Trigger
    suspend: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    revision_history_limit: int = 10


def of_fleet(spec: FleetJobSpec) -> FleetAsked:
    """What a FleetJob says of its runs; of a version from before it was asked, the defaults."""
    return FleetAsked(
        runs=(spec.runs or FleetRuns()).as_runs(),
        trigger=spec.trigger or Trigger(),
        suspend=spec.suspend,
        labels=spec.labels,
        revision_history_limit=spec.revision_history_limit,
    )
