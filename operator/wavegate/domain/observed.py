"""What a planning pass sees: slim, frozen views of the cluster's objects.

Times are seconds since the epoch (float), durations seconds. Views carry what a rule reads and
nothing else; raw documents stay where they are cheap: in the status that is written back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from wavegate.api.fleetjob import FleetJobSpec
from wavegate.api.rollout import RolloutSettings
from wavegate.domain.health import HealthRecord


@dataclass(frozen=True, slots=True)
class Taint:
    key: str
    value: str
    effect: str


@dataclass(frozen=True, slots=True)
class Cordon:
    """For which execution of which job the operator has cordoned a node."""

    namespace: str
    job: str
    job_uid: str
    execution: str

    @property
    def text(self) -> str:
        """As it is written on the node: ``NAMESPACE/JOB/UID/EXECUTION``."""
        return f"{self.namespace}/{self.job}/{self.job_uid}/{self.execution}"

    @staticmethod
    def parse(text: object) -> Cordon | None:
        """From what is written on the node; None where that is nothing of ours."""
        parts = text.split("/") if isinstance(text, str) else []
        return Cordon(*parts) if len(parts) == 4 and all(parts) else None


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node, as far as targets are decided by it."""

    name: str
    uid: str
    labels: Mapping[str, str]
    created: float
    ready: bool
    ready_changed: float
    """When the Ready condition last changed."""
    unschedulable: bool = False
    pressure: tuple[str, ...] = ()
    """Pressure conditions that are true, such as ``DiskPressure``."""
    taints: tuple[Taint, ...] = ()
    cordoned_by: Cordon | None = None
    """That the operator has cordoned it (see cordon)."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a container ended."""

    container: str
    reason: str
    exit_code: int
    message: str
    """The termination message, with FallbackToLogsOnError the log's tail; may be empty."""
    at: float


@dataclass(frozen=True, slots=True)
class PodView:
    """A pod that carries our job label."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    job: str
    """Value of the job label."""
    node: str
    """spec.nodeName, or the node its affinity names while it is not scheduled."""
    owner_kind: str
    owner_name: str
    owner_uid: str
    """The controller owner reference; empty strings where there is none."""
    created: float
    deletion: float | None = None
    """deletionTimestamp: when it is to be gone at the latest; None while it is not deleted."""
    grace: float = 30.0
    """terminationGracePeriodSeconds."""
    phase: str = "Pending"
    ready: bool = False
    ready_changed: float | None = None
    restarts: int = 0
    """Sum over its containers."""
    ip: str = ""
    scheduled: bool = False
    scheduling_message: str = ""
    """The scheduler's words while it is not scheduled."""
    waiting_reason: str = ""
    waiting_message: str = ""
    """Of the first container that waits, such as ImagePullBackOff."""
    exit: Exit | None = None
    """Last termination of a container: the current one if terminated, else the one before."""
    main: Exit | None = None
    """How the container main ended, while it is terminated."""
    disruption: str = ""
    """Reason of condition DisruptionTarget where it is true."""
    reason: str = ""
    """status.reason, such as Evicted, NodeShutdown, Terminated."""
    message: str = ""

    @property
    def terminal(self) -> bool:
        return self.phase in ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class PullView:
    """A pod that pulls a version's images to a node before its turn (see prepull)."""

    name: str
    uid: str
    resource_version: str
    node: str
    owner_uid: str
    """uid of the JobVersion whose images it pulls."""
    deleting: bool = False


@dataclass(frozen=True, slots=True)
class ExecutionView:
    """The claim of a job on a node. ``status`` is the stored document, not to be changed."""

    name: str
    uid: str
    """Empty while the create is in flight (see ``assumed``)."""
    resource_version: str
    owner_uid: str
    created: float
    job_id: str
    version: int
    node: str
    node_uid: str
    wave: int
    deployment: str
    attempt: int
    workload_hash: str
    deleting: bool = False
    generation: int = 1
    desired: str = "Running"
    observed: str = "Pending"
    stable_at: float | None = None
    pod_uid: str = ""
    """uid of the pod that a status write has recorded; empty before the first one."""
    updated: float = 0.0
    status: Mapping[str, Any] = field(default_factory=dict)
    assumed: bool = False
    """True while its create is in flight: it counts as taken, nothing may be written to it."""

    @property
    def terminal(self) -> bool:
        return self.observed in ("Completed", "Failed", "Stopped")

    @property
    def details(self) -> Mapping[str, str]:
        """status.details: reason and evidence."""
        details: Mapping[str, str] = self.status.get("details") or {}
        return details

    @property
    def withdrawn(self) -> bool:
        """Whether it left its wave uncounted; it goes on as wave 0 (see blame)."""
        return "withdrawn" in self.details

    @property
    def node_key(self) -> tuple[str, str]:
        """The node that it is on: a node of the same name with another uid is another node."""
        return (self.node, self.node_uid)


@dataclass(frozen=True, slots=True)
class VersionView:
    """An immutable snapshot of a job's spec."""

    name: str
    uid: str
    resource_version: str
    owner_uid: str
    created: float
    version: int
    spec: FleetJobSpec | None
    """None where the stored document is not understood by this release (``invalid`` says why)."""
    raw_spec: Mapping[str, Any]
    """Empty where it is not understood: nobody asks for it, and it may be of any size."""
    workload_hash: str
    driver_image: str
    driver_revision: str
    deleting: bool = False
    generation: int = 1
    stable: bool = False
    stable_at: float | None = None
    status: Mapping[str, Any] = field(default_factory=dict)
    invalid: str = ""


@dataclass(frozen=True, slots=True)
class DeploymentView:
    """One rollout. Status fields that rules read are views; the rest is in ``status``."""

    name: str
    uid: str
    resource_version: str
    owner_uid: str
    """uid of the controller owner; empty for one that a user made."""
    created: float
    generation: int
    job_name: str
    type: str
    from_version: int
    to_version: int
    rollout: RolloutSettings | None
    paused: bool = False
    promoted: bool = False
    canceled: bool = False
    deleting: bool = False
    state: str = ""
    """status.state; empty before the first status write."""
    reason: str = ""
    sequence: int = 0
    accepted: float | None = None
    started: float | None = None
    total: int = 0
    wave_size: int = 0
    promoted_gate: bool = False
    """status.canaryPromoted: the gate was passed."""
    completed: float | None = None
    workload_hash: str = ""
    status: Mapping[str, Any] = field(default_factory=dict)

    @property
    def terminal(self) -> bool:
        return self.state in ("Completed", "Failed", "Canceled")

    @property
    def job_uid(self) -> str:
        """uid of the job that accepted it; empty before."""
        return str(self.status.get("jobUid") or "")


RunStands = Literal["Executes", "Waits", "Stops", "Ended"]
"""Where the run is that has made a job: it waits for its next attempt, is to stop, or is over."""

DEFAULT_PRIORITY: Final = 50
"""Of a job whose spec is not understood."""


@dataclass(frozen=True, slots=True)
class JobView:
    """What a user wants. ``spec`` is None where it is not understood (``invalid`` says why)."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int
    created: float
    spec: FleetJobSpec | None
    raw_spec: Mapping[str, Any]
    invalid: str = ""
    deleting: bool = False
    orphaning: bool = False
    """Being deleted with ``--cascade=orphan``: its children are to be left alone."""
    run: str = ""
    """The run that has made it and controls it; empty: it is a user's (see asked)."""
    run_uid: str = ""
    run_attempt: int = 0
    """For which attempt of that run it was made."""
    status: Mapping[str, Any] = field(default_factory=dict)

    @property
    def priority(self) -> int:
        """Higher goes first, 0 to 100."""
        return self.spec.priority if self.spec is not None else DEFAULT_PRIORITY

    @property
    def key(self) -> tuple[str, str]:
        return (self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class Preparation:
    """What the API server said of a version's ConfigMap and of a dry run of its pod."""

    ok: bool
    message: str = ""
    """The server's words where it refused."""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """The last write for a node or object that the server refused for good."""

    message: str
    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """Settings of the operator that rules read."""

    pipeline_image: str = "wavegate.local/pipeline:4.50.0"
    query_image: str = ""
    """For types that run to completion; empty: the template has to bring one."""
    update_image: str = ""
    config_image: str = ""
    config_directories: tuple[str, ...] = ()
    """Directories of nodes in which jobs of type config may write; absolute and normalised."""
    driver_revision: str = "1"
    lost_after: float = 3600.0
    stable_after: float = 10.0
    """Without a health check: how long a pod is ready before its execution is stable."""
    start_deadline: float = 600.0
    """Immediate: an execution that does not run by then counts as failed."""
    prometheus_sources: frozenset[str] = frozenset()
    """Names that jobs may give as the source of their error rate."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Where something is new since the snapshot before, so that not all has to be compared."""

    serial: int
    """Counts the snapshots of a job: these are the changes since ``serial - 1``."""
    nodes: frozenset[str]
    """Nodes on which a claim or a pod of the job came, went or changed."""
    on: Callable[[str], tuple[Sequence[ExecutionView], Sequence[PodView]]]
    """The job's own executions on a node, and the pods that carry its label there."""


@dataclass(frozen=True, slots=True)
class Observed:
    """One snapshot for one job. Children are those whose owner uid is the job's.

    For a job that is gone but has left children, ``job`` has an empty uid and is ``deleting``.
    """

    job: JobView
    now: float
    operator_started: float
    """When this process began to see pods: no verdict may rest on time before it."""
    nodes: Mapping[str, NodeView]
    """The same mapping as in the snapshot before, as long as no node has changed."""
    versions: Sequence[VersionView] = ()
    deployments: Sequence[DeploymentView] = ()
    """The job's own, and users' that name it (owner_uid empty)."""
    executions: Sequence[ExecutionView] = ()
    """Own by owner uid, those whose create is in flight included (``assumed``)."""
    former: Sequence[ExecutionView] = ()
    """Of the same job name, but owned by another uid: of a job that is gone."""
    pods: Sequence[PodView] = ()
    """Every pod of the namespace with the job's name label, strangers included."""
    changes: Changes | None = None
    """None: anything may have changed."""
    pulls: Sequence[PullView] = ()
    """Pods that pull images for a version of this job, or of a former one of its name."""
    health: Mapping[str, HealthRecord] = field(default_factory=dict)
    """By pod uid."""
    still_there: Mapping[str, float] = field(default_factory=dict)
    """By pod uid: when a live read that the plan has asked for last found it (see overdue)."""
    prepared: Mapping[int, Preparation] = field(default_factory=dict)
    """By version, as far as this process has prepared them."""
    refusals: Mapping[str, Refusal] = field(default_factory=dict)
    """By step key (see actions.Step), as long as the refusal stands."""
    busy: frozenset[str] = frozenset()
    """Keys of steps that are under way: nothing more is asked for them."""
    delayed: frozenset[str] = frozenset()
    """Keys of steps that have failed and are not tried again yet."""
    settings: PlanSettings = PlanSettings()
    run_stands: RunStands = "Executes"
    """Of a job that a run has made: where that run is."""
    asked_versions: frozenset[int] = frozenset()
    """Versions by which runs that have not ended execute."""
    kind_gone: bool = False
    """Whether Execution, which owns the pods, is certainly no longer served."""
    eval_id: str = ""
