"""What a pass over runs may ask for. Each names its object by name, uid and resourceVersion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wavegate.domain.actions import Urgency


@dataclass(frozen=True, slots=True)
class CreateRunVersion:
    """Snapshot the job's spec as JobVersion ``name``, owned by the job."""

    name: str
    version: int
    raw_spec: Mapping[str, Any]
    workload_hash: str


@dataclass(frozen=True, slots=True)
class CreateRun:
    """Make the run of a tick (epoch seconds), owned by the job."""

    name: str
    tick: float
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StartRun:
    """Put on record that the run executes by ``version``, then call.

    ``status`` is the whole status that is written first.
    """

    name: str
    uid: str
    resource_version: str
    version: int
    attempt: int
    status: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SetRunStatus:
    """Replace a run's status. ``told``: a line for the log; empty: none."""

    name: str
    uid: str
    resource_version: str
    status: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SetJobStatus:
    """Replace the job's status. ``urgent``: without regard to its pace."""

    name: str
    uid: str
    resource_version: str
    status: Mapping[str, Any]
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class DeleteObject:
    """Remove a run or a version of ours."""

    kind: str
    name: str
    uid: str
    resource_version: str


RunAction = CreateRunVersion | CreateRun | StartRun | SetRunStatus | SetJobStatus | DeleteObject


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
    start and lacks nothing but a slot.
    """

    steps: tuple[RunStep, ...] = ()
    abandon: frozenset[str] = frozenset()
    wanting: bool = False
    wake_at: float | None = None
