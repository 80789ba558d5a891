"""What a pass over runs may ask for. Each names its object by name, uid and resourceVersion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wavegate.domain.actions import DeleteRecord, SetStatus, Urgency

if TYPE_CHECKING:
    from wavegate.runs.observed import RunView


@dataclass(frozen=True, slots=True)
class CreateRunVersion:
    """Snapshot the job's spec as JobVersion ``name``, owned by the job."""

    name: str
    version: int
    raw_spec: Mapping[str, Any]
    workload_hash: str


@dataclass(frozen=True, slots=True)
class CreateRun:
    """Make a run, owned by the job: for a tick, or for the ends of other jobs' runs.

    Times are epoch seconds.
    """

    name: str
    labels: Mapping[str, str]
    tick: float | None = None
    after: Mapping[str, float] = field(default_factory=dict)
    """By job, the ends."""


@dataclass(frozen=True, slots=True)
class StartRun:
    """Put on record by ``record`` that a run executes by ``version``, then call."""

    record: SetStatus
    version: int


@dataclass(frozen=True, slots=True)
class StartPass:
    """Put on record by ``record`` that a run executes over nodes."""

    record: SetStatus


@dataclass(frozen=True, slots=True)
class CreatePass:
    """Make the FleetJob of a run, owned by the run: of its name, with the spec of a version."""

    run: str
    run_uid: str
    attempt: int
    raw_spec: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RetryPass:
    """Make the Restart that is a further attempt, owned by the run's FleetJob."""

    run: str
    job_uid: str
    attempt: int


RunAction = (
    CreateRunVersion
    | CreateRun
    | StartRun
    | StartPass
    | CreatePass
    | RetryPass
    | SetStatus
    | DeleteRecord
)


@dataclass(frozen=True, slots=True)
class RunStep:
    """One action under its key ``KIND/NAME``; while it is under way, further ones are dropped."""

    key: str
    urgency: Urgency
    actions: tuple[RunAction, ...]
    group: str = ""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """The outcome of a pass.

    ``abandon``: uids of runs whose call nobody waits for any more; ``wanting``: whether a run could
    start and lacks nothing but a slot; ``pools``: names of those for which a run waits; ``tell``:
    runs that have ended and that the webhook is to be told of now; ``wanting_to_tell``: whether
    another one could be told of and lacks nothing but a slot.
    """

    steps: tuple[RunStep, ...] = ()
    abandon: frozenset[str] = frozenset()
    wanting: bool = False
    pools: frozenset[str] = frozenset()
    tell: tuple[RunView, ...] = ()
    wanting_to_tell: bool = False
    wake_at: float | None = None
