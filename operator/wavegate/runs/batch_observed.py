"""What a pass over one batch sees. Times are epoch seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wavegate.api.runbatch import BatchItem, RunBatchSpec
from wavegate.domain.observed import DEFAULT_PRIORITY, Refusal
from wavegate.runs.batch_states import ENDED
from wavegate.runs.observed import AskedJobView, RunView


@dataclass(frozen=True, slots=True)
class BatchView:
    """A RunBatch. ``spec`` is None where it is not understood, and once the batch has ended."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    created: float
    generation: int
    job: str = ""
    """spec.jobName; empty: none."""
    spec: RunBatchSpec | None = field(default=None, repr=False)
    invalid: str = ""
    canceled: bool = False
    finished_ttl: float | None = None
    deleting: bool = False
    status: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return (self.namespace, self.name)

    @property
    def priority(self) -> int:
        """That of a FleetJob of which nothing is said."""
        return DEFAULT_PRIORITY

    @property
    def state(self) -> str:
        return str(self.status.get("state") or "")

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def progress(self) -> str:
        """What is on record of each of its runs, a letter for each."""
        return str(self.status.get("progress") or "")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with an item."""

    key: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class ReadItems:
    """The items of a batch as they were read ``at`` a time, and what is wrong with them.

    ``total``: how many there are; ``wrong``: how many things are wrong, of which ``problems`` has
    the first; ``unreadable``: why there are none. ``version_key``: of the job by whose schema they
    were judged.
    """

    at: float
    items: Sequence[BatchItem] = field(default=(), repr=False)
    digest: str = ""
    """``sha256:…`` of what itemsFrom held; empty for items of the batch itself."""
    problems: Sequence[Problem] = ()
    total: int = 0
    wrong: int = 0
    unreadable: str = ""
    version_key: str = ""


@dataclass(frozen=True, slots=True)
class ObservedBatch:
    """One batch at ``now``.

    ``jobs``: HTTPJobs of the namespace, by name; ``members``: runs that it has made, by their
    number in it, those that were deleted among them, as deleting; ``active`` and ``finished``: runs
    of the namespace among which it selects; ``room``: by job, runs that may be made now; ``read``:
    its items, None: not read; ``refusals``: by step, what the server refused.
    """

    batch: BatchView
    now: float
    jobs: Mapping[str, AskedJobView]
    members: Mapping[int, RunView] = field(default_factory=dict)
    active: Iterable[RunView] = ()
    finished: Iterable[RunView] = ()
    room: Mapping[str, int] = field(default_factory=dict)
    read: ReadItems | None = None
    refusals: Mapping[str, Refusal] = field(default_factory=dict)
