"""What a pass over one job's runs sees: slim views, decoded once.

Times are epoch seconds, durations seconds. A view of a run that has ended has neither its payload
nor its status, so that thousands of them are kept in little memory.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wavegate.api.asked import Asked
from wavegate.api.attempt import CallbackOutcome
from wavegate.api.jobrun import Overrides, PayloadSource, Phase
from wavegate.api.names import job_ref
from wavegate.api.trigger import RunKind
from wavegate.domain.observed import DEFAULT_PRIORITY, Refusal
from wavegate.runs.answers import AttemptOutcome
from wavegate.runs.callbacks import CallbackView
from wavegate.runs.dependencies import Upstream
from wavegate.runs.nodes import Pass
from wavegate.runs.pools import Pool
from wavegate.runs.states import TERMINAL
from wavegate.runs.webhooks import Deliveries, Delivery


@dataclass(frozen=True, slots=True)
class AskedJobView:
    """An HTTPJob, or a FleetJob as far as it is about runs.

    ``spec`` is None where it is not understood, and ``invalid`` says why.
    """

    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int
    created: float
    spec: Asked | None
    raw_spec: Mapping[str, Any] = field(default_factory=dict)
    version_key: str = ""
    """Of its spec: what is the same in two versions is one version."""
    invalid: str = ""
    deleting: bool = False
    status: Mapping[str, Any] = field(default_factory=dict)
    kind: RunKind = "HTTPJob"
    rolls_out: bool = False
    """A FleetJob that is not executed when asked, but by a rollout of each version."""
    resume: str = ""
    """What its annotation says that resumes a paused webhook."""

    @property
    def key(self) -> tuple[str, str]:
        """Namespace, and how it is named among runs."""
        return (self.namespace, job_ref(self.kind, self.name))

    @property
    def is_new(self) -> bool:
        """Whether all counts since it was made: nothing was said of its runs, nor changed."""
        if self.kind == "HTTPJob":
            return not self.status.get("state")
        return self.generation == 1 and not self.status.get("runs")

    @property
    def priority(self) -> int:
        """That of a FleetJob of which nothing is said: jobs that call take turns with it."""
        return DEFAULT_PRIORITY


@dataclass(frozen=True, slots=True)
class RunVersionView:
    """A JobVersion. ``raw_spec``: of a FleetJob's, as it is stored."""

    name: str
    uid: str
    resource_version: str
    owner_uid: str
    created: float
    version: int
    spec: Asked | None
    version_key: str = ""
    deleting: bool = False
    raw_spec: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunView:
    """A JobRun. ``owner_uid``: of the job that controls it; empty: nobody does."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    owner_uid: str
    created: float
    job: str
    job_kind: RunKind = "HTTPJob"
    phase: Phase = "Queued"
    generation: int = 1
    deleting: bool = False
    invalid: str = ""
    """Why its spec is not understood; empty: it is."""

    priority: int = 0
    concurrency_key: str = ""
    not_before: float | None = None
    canceled: bool = False
    idempotency_key: str = ""
    payload_digest: str = ""
    """SHA-256 of its own payload; empty where that comes from elsewhere."""
    payload: str | None = None
    payload_from: PayloadSource | None = None
    replay_of: str = ""
    asked_by: tuple[str, ...] = ()
    """Runs that it names as its parent, or that it goes on with."""
    lineage_depth: int = 0
    """How deep it lies beneath these; 0: it names none, or nothing is known of it yet."""
    ttl: float | None = None
    overrides: Overrides | None = None
    debug: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)
    scheduled: float | None = None
    """The tick that it was made for."""
    after: Mapping[str, float] = field(default_factory=dict)
    """By job, the ends of runs that it was made for."""
    batch: str = ""
    """uid of the RunBatch that has made it; empty: none."""
    number: int = 0
    """Which of the batch's runs it is, from 0."""
    item: str = ""
    """Key of the batch's item."""
    labels: Mapping[str, str] = field(default_factory=dict)

    reason: str = ""
    message: str = ""
    """Of a batch's run: why it is as it is."""
    attempt: int = 0
    version: int = 0
    """0: none yet."""
    next_retry: float | None = None
    started: float | None = None
    completed: float | None = None
    holder: str = ""
    callback: CallbackView | None = None
    """Of its last attempt, by an Async job."""
    rate_clock: float | None = None
    pool_clocks: Mapping[str, float] = field(default_factory=dict)
    delivery: Delivery | None = None
    """Of one that has ended and of which its job's webhook is still to be told."""
    status: Mapping[str, Any] = field(default_factory=dict)
    """As stored; empty once it has ended."""

    @property
    def ended(self) -> bool:
        return self.phase in TERMINAL

    @property
    def job_key(self) -> tuple[str, str]:
        """Of its job: namespace, and how it is named among runs."""
        return (self.namespace, job_ref(self.job_kind, self.job))

    @property
    def is_accepted(self) -> bool:
        """Whether its attempt was answered 202: it waits for the call back."""
        return self.callback is not None and self.callback.accepted is not None

    @property
    def step_key(self) -> str:
        """Of the step that writes it."""
        return f"JobRun/{self.name}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt: a call, or a pass over nodes (``nodes``, ``failures``)."""

    outcome: AttemptOutcome
    http_status: int | None = None
    message: str = ""
    retryable: bool = False
    retry_after: float | None = None
    result: str | None = None
    result_size: int = 0
    result_hash: str = ""
    trace: Mapping[str, int] = field(default_factory=dict)
    debug: Mapping[str, Any] | None = None
    ended: float = 0.0
    nodes: Mapping[str, int] | None = None
    failures: Sequence[Mapping[str, Any]] = ()
    called_back: CallbackOutcome | None = None
    """None: it is no call back."""


@dataclass(frozen=True, slots=True)
class ObservedRuns:
    """One job with its versions and runs, at ``now``.

    ``seen``: by uid, when this process first saw a run that was made meanwhile; ``calling``: uids
    of runs whose call this process makes; ``answers``: by uid, what came of one that is not on
    record yet; ``held``: by endpoint, until when its circuit is open; ``probes``: endpoints that
    are to be called once; ``pools``: by name, those that the job names and that are there, or what
    of their spec is not understood; ``slots``: calls that may begin; ``delayed``: keys of steps
    that have failed and may not be tried again yet; ``heartbeats``: by uid, when the last one came
    of an endpoint that is to call back; ``leads_since``: since when this process takes call backs;
    ``upstreams``: as they are named among runs, the jobs that this one depends on;
    ``depended_on``: whether others depend on it; ``passes``: by uid of its runs that execute over
    nodes, the FleetJob that each has made; ``uncounted``: runs that have ended, also some that were
    removed since, with all of which the job does not say yet that they count; ``cancels``: by uid,
    what a batch says of a run that it cancels; ``kept``: uids of ended runs that their batch has
    not counted yet; ``tidy``: whether it is time to look for what is to be removed;
    ``undelivered``: of the runs that have ended, those whose delivery is pending; ``leaving``: runs
    over nodes that were deleted, or made anew, while something of them is at work: each holds its
    place; ``refusals``: by key, what the server refused for good of its steps.
    """

    job: AskedJobView | None
    now: float
    versions: Sequence[RunVersionView]
    active: Sequence[RunView]
    finished: Collection[RunView]
    identity: str
    slots: int
    seen: Mapping[str, float] = field(default_factory=dict)
    calling: frozenset[str] = frozenset()
    answers: Mapping[str, Answer] = field(default_factory=dict)
    held: Mapping[str, float] = field(default_factory=dict)
    probes: frozenset[str] = frozenset()
    pools: Mapping[str, Pool | str] = field(default_factory=dict)
    delayed: frozenset[str] = frozenset()
    heartbeats: Mapping[str, float] = field(default_factory=dict)
    leads_since: float = 0.0
    upstreams: Mapping[str, Upstream] = field(default_factory=dict)
    depended_on: bool = False
    passes: Mapping[str, Pass] = field(default_factory=dict)
    uncounted: Collection[RunView] = ()
    cancels: Mapping[str, str] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()
    tidy: bool = True
    undelivered: Collection[RunView] = ()
    leaving: Sequence[RunView] = ()
    refusals: Mapping[str, Refusal] = field(default_factory=dict)
    deliveries: Deliveries = field(default_factory=Deliveries)
