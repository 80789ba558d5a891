"""What a planning pass asks the shell to do.

A step is a short sequence of actions with one key; the shell runs at most one step per key at a
time, its actions in order, and drops the rest when one does not succeed: the next pass decides
anew. Actions name objects by name, uid and resourceVersion, so that a write that comes late is
refused by the API server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from wavegate.domain.health import Criteria
from wavegate.domain.observed import Cordon


class Urgency(IntEnum):
    """Which steps go first when writes are short: lower numbers."""

    REMOVE = 0
    """Deletes, rollbacks and fallbacks."""
    RECORD = 1
    """Verdicts and status."""
    CREATE = 2
    CLEAN = 3


@dataclass(frozen=True, slots=True)
class CreateVersion:
    """Snapshot the job's spec as JobVersion ``name``, owned by the job."""

    name: str
    version: int
    raw_spec: Mapping[str, Any]
    workload_hash: str
    driver_image: str
    driver_revision: str
    job_status: Mapping[str, Any]
    """The job's status at this moment, kept in the version's status."""


@dataclass(frozen=True, slots=True)
class PrepareVersion:
    """Create the version's ConfigMap and send one pod of it as a dry run.

    The outcome is kept in memory and seen by later passes as ``Observed.prepared``.
    """

    version: int
    version_name: str
    version_uid: str
    data: Mapping[str, str]
    """Contents of the ConfigMap, file name to text."""
    pod: Mapping[str, Any]
    """The pod to be tried, without owner reference."""


@dataclass(frozen=True, slots=True)
class CreateDeployment:
    """Make a FleetDeployment, owned by the job."""

    name: str
    type: str
    from_version: int
    to_version: int
    rollout: Mapping[str, Any]
    paused: bool = False


@dataclass(frozen=True, slots=True)
class CreateExecution:
    """Claim a node, for a job."""

    name: str
    version: int
    node: str
    node_uid: str
    wave: int
    deployment: str
    attempt: int
    workload_hash: str
    eval_id: str
    """Names the pass that decided it."""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CreatePod:
    """Make an execution's pod, as the version's driver renders it when it is written.

    The shell adds the owner reference to ``execution``.
    """

    execution: str
    node: str
    version: int
    deployment: str


@dataclass(frozen=True, slots=True)
class CreatePull:
    """Make a pod that pulls a version's images to a node; the shell adds the version as owner."""

    version_name: str
    version_uid: str
    node: str
    manifest: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DeletePod:
    """Delete exactly this pod in exactly this state, with its own grace period."""

    name: str
    uid: str
    resource_version: str
    why: str


@dataclass(frozen=True, slots=True)
class DeleteRecord:
    """Remove one of our own records that nobody needs any more."""

    kind: str
    """Execution, JobVersion, FleetDeployment or JobRun."""
    name: str
    uid: str
    resource_version: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What a write rests on beside its own object: another as it was seen.

    That is a verdict's pod (or that there is none: empty uid), or the rollout that makes a version
    the stable one.
    """

    name: str
    uid: str
    resource_version: str
    kind: str = "Pod"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of an execution."""

    outcome: str
    """failed, withdrawn or completed."""
    reason: str


@dataclass(frozen=True, slots=True)
class WaveEnd:
    """A wave was judged; ``seconds`` from its first claim to its last verdict."""

    canary: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class GateEnd:
    """A canary gate was decided: Passed or Failed. Seconds are as in `RolloutEnd`."""

    outcome: str
    active: float
    waiting: float


@dataclass(frozen=True, slots=True)
class RolloutEnd:
    """A rollout ended: Completed, Failed or Canceled.

    ``waiting``: seconds for which it waited for a person, ``active``: all others since it began.
    Both are None for one that took no node.
    """

    type: str
    outcome: str
    active: float | None
    waiting: float | None


@dataclass(frozen=True, slots=True)
class RunEnd:
    """A run of an HTTPJob has ended in this phase."""

    phase: str


@dataclass(frozen=True, slots=True)
class DeliveryEnd:
    """A delivery of an HTTPJob's webhook has ended: Delivered or Failed."""

    phase: str


Counted = Verdict | WaveEnd | GateEnd | RolloutEnd | RunEnd | DeliveryEnd


@dataclass(frozen=True, slots=True)
class Note:
    """A decision, told once the write that it comes with has succeeded: a line of the log."""

    reason: str
    message: str
    warning: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)
    """For programs: version, wave, and the numbers that decided."""
    counted: Counted | None = None
    is_event: bool = True
    """Whether people get it as an event, too; what a single execution comes to is none."""
    topic: str = ""
    """Events of a reason and topic are the same one again; empty: of a reason and message."""


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Replace the status of one of our objects, if it is still at ``resource_version``."""

    kind: str
    """FleetJob, FleetDeployment, JobVersion, Execution, HTTPJob or JobRun."""
    name: str
    uid: str
    resource_version: str
    status: Mapping[str, Any]
    proof: Proof | None = None
    """Where set: read that object live first, and write only if it is still as it was seen."""
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class CordonNode:
    """Close a node to others, unless somebody else has."""

    node: str
    node_uid: str
    by: Cordon


@dataclass(frozen=True, slots=True)
class UncordonNode:
    """Open a node again, if it is still this cordon that closes it."""

    node: str
    by: Cordon


Action = (
    CreateVersion
    | PrepareVersion
    | CreateDeployment
    | CreateExecution
    | CreatePod
    | CreatePull
    | DeletePod
    | DeleteRecord
    | SetStatus
    | CordonNode
    | UncordonNode
)


@dataclass(frozen=True, slots=True)
class Step:
    """Actions that belong together, run in order.

    ``key``: ``node/NAME`` for everything that concerns a job's work on a node, ``pull/NAME`` for
    pulling images to it before its turn, ``KIND/NAME`` for other objects. While a step of a key is
    under way, further ones are dropped.
    """

    key: str
    urgency: Urgency
    actions: tuple[Action, ...]
    group: str = ""
    """Creates of one group (job and version) are sent by slow start: 1, 2, 4, …"""


@dataclass(frozen=True, slots=True)
class CounterSource:
    """Where a pod's cumulative counters are read: always the pod's own address."""

    port: int
    path: str
    format: str
    """Prometheus or JSON."""
    errors: tuple[str, ...]
    total: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PrometheusSource:
    """Where a Prometheus is asked for cumulative counters, one sample a node."""

    name: str
    """Of a source that the administrator configured; its address is known to the shell alone."""
    error_query: str
    total_query: str
    """PromQL as it is sent: over ``window``."""
    window: float
    """Seconds that a sample may be old, which are those between two readings of a pod."""


Source = CounterSource | PrometheusSource


@dataclass(frozen=True, slots=True)
class Probe:
    """A pod whose windows are to be kept from now on; others are forgotten."""

    pod_namespace: str
    pod_name: str
    pod_uid: str
    criteria: Criteria
    source: Source | None


@dataclass(frozen=True, slots=True)
class Look:
    """A pod that is to be read live, unless that was done since; others are forgotten."""

    pod_namespace: str
    pod_name: str
    pod_uid: str
    since: float
    """Epoch seconds: that it was there before says nothing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The outcome of a pass."""

    steps: tuple[Step, ...] = ()
    halted: frozenset[str] = frozenset()
    """Keys of steps under way of which no further action is to be begun."""
    probes: tuple[Probe, ...] = ()
    looks: tuple[Look, ...] = ()
    wake_at: float | None = None
    """When to look again although nothing changes; None: only on a change."""
