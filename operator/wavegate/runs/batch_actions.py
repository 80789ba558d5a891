"""What a pass over a batch may ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wavegate.domain.actions import DeleteRecord, SetStatus, Urgency
from wavegate.runs.observed import AskedJobView


@dataclass(frozen=True, slots=True)
class Read:
    """Read the items, and judge them by the schema of this job."""

    job: AskedJobView


@dataclass(frozen=True, slots=True)
class CreateItemRun:
    """Make run ``number`` of the batch, for a job; it repeats ``replay_of``, if that is given."""

    name: str
    number: int
    key: str
    job: AskedJobView
    spec: Mapping[str, Any]
    labels: Mapping[str, str]
    replay_of: str = ""


BatchAction = Read | CreateItemRun | SetStatus | DeleteRecord


@dataclass(frozen=True, slots=True)
class BatchStep:
    """One action under its key; while it is under way, further ones are dropped."""

    key: str
    urgency: Urgency
    actions: tuple[BatchAction, ...]
    group: str = ""


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """The outcome of a pass.

    By job, ``unmade``: runs that are not made yet; ``making``: those of them that are to be now.
    """

    steps: tuple[BatchStep, ...] = ()
    unmade: Mapping[str, int] = field(default_factory=dict)
    making: Mapping[str, int] = field(default_factory=dict)
    wake_at: float | None = None
