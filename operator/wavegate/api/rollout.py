"""The rollout section: how a new version spreads, and what says that it is well.

Shared by FleetJob (with ``paused``) and FleetDeployment (whose own ``paused`` is a verb). Defaults
that would contradict another field are not here but in ``defaults.py``.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints

from wavegate.api.base import CountOrShare, Model, cel, listing, rules
from wavegate.api.durations import Seconds
from wavegate.api.template import LABEL_KEYS, LabelValue

Strategy = Literal["Immediate", "Rolling", "Canary"]
MetricsFormat = Literal["Prometheus", "JSON"]

MIN_INTERVAL: Final = 1.0
MAX_INTERVAL: Final = 3600.0
MAX_DEADLINE: Final = 86400.0

_HEALTH: Final = "spec.rollout.healthCheck"

MAX_LABEL_KEY: Final = 317
"""A DNS name of 253 characters, a slash and a name of 63."""

LabelKey = Annotated[str, StringConstraints(min_length=1, max_length=MAX_LABEL_KEY)]
WINDOW: Final = "$window"
"""What stands for the length of a window in a query."""

MetricName = Annotated[str, StringConstraints(min_length=1, max_length=256)]
SourceName = Annotated[
    str, StringConstraints(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
]
Query = Annotated[str, StringConstraints(min_length=1, max_length=2048)]


class PodMetrics(Model):
    """Counters that each pod serves itself."""

    port: int = Field(
        ge=1,
        le=65535,
        description="Port of the pod on which it serves its metrics.",
        json_schema_extra={"format": "int32"},
    )
    path: Annotated[str, StringConstraints(max_length=256, pattern=r"^/[^\s]*$")] = Field(
        default="/metrics", description="HTTP path of the metrics; begins with a slash."
    )
    format: MetricsFormat = Field(
        default="Prometheus",
        description="How the metrics are written: Prometheus (text) or JSON (one object, a"
        " number for each counter).",
    )
    errors: list[MetricName] = Field(
        min_length=1,
        max_length=20,
        description="Names of the counters that count errors; they are added up, each summed"
        " over its labels.",
        json_schema_extra=listing("set"),
    )
    total: list[MetricName] = Field(
        min_length=1,
        max_length=20,
        description="Names of the counters that count everything handled; they are added up,"
        " each summed over its labels.",
        json_schema_extra=listing("set"),
    )


def _reads_window(field: str) -> dict[str, Any]:
    """The rule that a query reads counters of the window alone, and none that are older."""
    return rules(cel(f"self.contains('[{WINDOW}]')", _reads_no_window(field)))


def _reads_no_window(field: str) -> str:
    return (
        f"{_HEALTH}.errorRate.prometheus.{field}: must read its counters over [{WINDOW}], such as"
        f" sum by (node) (last_over_time(requests_total[{WINDOW}]))"
    )


class PrometheusQueries(Model):
    """Counters that a Prometheus has gathered."""

    source: SourceName = Field(
        description="Name of a source that the administrator gave the operator"
        " (--prometheus-source NAME=URL). A version that names another one is not rolled out."
    )
    error_query: Query = Field(
        description="PromQL of the errors, written as totalQuery is. A node without a sample is"
        " unreadable; where the errors have no series before the first one, add what counts as"
        " none: sum by (node) (last_over_time(app_errors_total[$window])) or"
        " 0 * sum by (node) (last_over_time(app_requests_total[$window])).",
        json_schema_extra=_reads_window("errorQuery"),
    )
    total_query: Query = Field(
        description="PromQL of everything handled: one sample a node, with the label node, of"
        " cumulative counters of this job's pods, whose differences make a window. They are read"
        " over [$window], which stands for healthCheck.interval, so that a target that is no"
        " longer scraped is unreadable and not idle; Prometheus has to scrape at least once in"
        " that time. Example: sum by (node) (last_over_time(app_requests_total[$window])).",
        json_schema_extra=_reads_window("totalQuery"),
    )


_ONE_SOURCE: Final = f"{_HEALTH}.errorRate: give exactly one of podMetrics and prometheus"


class ErrorRate(Model):
    """Where errors and totals come from, instead of the driver's own counters."""

    model_config = ConfigDict(
        json_schema_extra=rules(cel("has(self.podMetrics) != has(self.prometheus)", _ONE_SOURCE))
    )

    pod_metrics: PodMetrics | None = Field(
        default=None, description="Read the counters from each pod over HTTP."
    )
    prometheus: PrometheusQueries | None = Field(
        default=None,
        description="Ask a Prometheus for the counters of all pods at once. The first window of a"
        " pod begins when one window has passed in which it was scraped.",
    )


class HealthCheck(Model):
    """What makes an execution healthy or failed while it is being judged."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "!(has(self.minHealthyTime) && has(self.successThreshold))",
                f"{_HEALTH}.minHealthyTime: give either minHealthyTime or successThreshold,"
                " not both",
                field_path=".minHealthyTime",
                reason="FieldValueForbidden",
            )
        )
    )

    interval: Seconds = Field(
        default=10.0,
        description="Length of one evaluation window, from 1s to 1h.",
        json_schema_extra=rules(
            cel(
                "self >= duration('1s') && self <= duration('1h')",
                f"{_HEALTH}.interval: must be between 1s and 1h",
            ),
            default="10s",
        ),
    )
    max_error_rate: float = Field(
        default=0.10,
        ge=0,
        le=1,
        description="Highest error rate (errors divided by total) of a good window, from 0 to 1;"
        " 0 tolerates no error.",
    )
    success_threshold: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="Good windows in a row that make an execution healthy. 2 where neither this"
        " nor minHealthyTime is given.",
        json_schema_extra={"format": "int32"},
    )
    failure_threshold: int = Field(
        default=3,
        ge=1,
        le=1000,
        description="Bad windows in a row that make an execution failed.",
        json_schema_extra={"format": "int32"},
    )
    deadline: Seconds | None = Field(
        default=None,
        description="Longest that an execution may take to become healthy, counted from its"
        " creation; at most 24h. Required for the strategies Rolling and Canary of types that run"
        " on; the others have to end by then.",
        json_schema_extra=rules(
            cel(
                "self > duration('0s') && self <= duration('24h')",
                f"{_HEALTH}.deadline: must be longer than 0s and at most 24h",
            )
        ),
    )
    min_healthy_time: Seconds | None = Field(
        default=None,
        description="Unbroken healthy time that makes an execution healthy, at most 24h;"
        " instead of successThreshold.",
        json_schema_extra=rules(
            cel(
                "self > duration('0s') && self <= duration('24h')",
                f"{_HEALTH}.minHealthyTime: must be longer than 0s and at most 24h",
            )
        ),
    )
    error_rate: ErrorRate | None = Field(
        default=None,
        description="Where errors and totals come from; without it, the driver's own counters"
        " (a container has none: its windows are judged by readiness and restarts).",
    )


class CanarySelector(Model):
    """Which nodes may be canaries; nothing given means any target."""

    match_labels: dict[str, LabelValue] = Field(
        default_factory=dict,
        max_length=32,
        description="Labels that a node must have, with exactly these values, to be a canary.",
        json_schema_extra=rules(
            cel(
                LABEL_KEYS,
                "spec.rollout.canarySelector.matchLabels: each key must be a valid label key",
            )
        ),
    )


class RolloutSettings(Model):
    """How a version spreads over the nodes."""

    strategy: Strategy | None = Field(
        default=None,
        description="How a new version spreads: Immediate (all nodes at once), Rolling (in waves)"
        " or Canary (a small first wave, a gate, then waves). Where not given: Immediate, for type"
        " update Rolling.",
    )
    max_parallel: CountOrShare | None = Field(
        default=None,
        description="Nodes in a wave: a number or a share of the targets from 1% to 100% (100%"
        " is one wave). Where not given: 10%, for type update 1. Immediate ignores it.",
    )
    rollback_parallel: CountOrShare | None = Field(
        default=None,
        description="How many stable nodes a rollback may take back at once, a number or a"
        " share. As maxParallel where not given. Not for types that run to"
        " completion, which are never rolled back.",
    )
    canary_count: int | None = Field(
        default=None,
        ge=1,
        le=2**31 - 1,
        description="Nodes in the canary wave; wins over canaryPercent. One node where neither"
        " is given. Ignored without the strategy Canary.",
        json_schema_extra={"format": "int32"},
    )
    canary_percent: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="Share of the targets in the canary wave, in percent. Ignored without the"
        " strategy Canary.",
        json_schema_extra={"format": "int32"},
    )
    canary_selector: CanarySelector = Field(
        default_factory=CanarySelector,
        description="Which targets may be canaries; any where not given. While none of them can"
        " be one, the rollout waits and says so. Ignored without the strategy Canary.",
    )
    spread_by: list[LabelKey] = Field(
        default_factory=list,
        max_length=8,
        description="Keys of node labels, such as topology.kubernetes.io/zone, over whose values"
        " the nodes of a wave are spread. The canaries cover as many combinations of the values"
        " of all keys as their number allows; each later wave takes nodes from the values of the"
        " first key in turn. A node without a label counts as having a value of its own."
        " Immediate ignores it.",
        json_schema_extra=rules(
            cel(
                LABEL_KEYS,
                "spec.rollout.spreadBy: each item must be a valid label key, such as"
                " topology.kubernetes.io/zone",
            ),
            **listing("atomic"),
        ),
    )
    pre_pull: bool = Field(
        default=False,
        description="While a wave is judged, or waits at its gate, pull the images of the next one:"
        " by pods on its nodes that run nothing and hold the images until the node's turn, at most"
        " maxParallel at a time. So a node is down for the stop of one pod and the start of"
        " another. Immediate, which has no waves, and a rollback ignore it.",
    )
    auto_promote: bool = Field(
        default=False,
        description="Pass the canary gate without a person once all canaries are stable. Ignored"
        " without the strategy Canary.",
    )
    max_failed_nodes: int = Field(
        default=10,
        ge=0,
        le=2**31 - 1,
        description="Failed nodes that a rollout tolerates; it fails when more have failed. 0"
        " tolerates none.",
        json_schema_extra={"format": "int32"},
    )
    max_failed_nodes_percent: int = Field(
        default=10,
        ge=0,
        le=100,
        description="Failed nodes that a rollout tolerates, in percent of the targets; it fails"
        " when either limit is exceeded.",
        json_schema_extra={"format": "int32"},
    )
    no_auto_rollback: bool = Field(
        default=False,
        description="When a rollout fails, stop where it is instead of going back to the stable"
        " version.",
    )
    health_check: HealthCheck | None = Field(
        default=None,
        description="What makes an execution healthy. Required for Rolling and Canary of types"
        " that run on; the others have its deadline alone. Immediate ignores it.",
    )


class Rollout(RolloutSettings):
    """How new versions of a job spread over its nodes."""

    paused: bool = Field(
        default=False,
        description="While true, no further node is taken; what runs goes on and is judged.",
    )


def rollout_problems(rollout: RolloutSettings) -> list[str]:
    """The rules that span several fields, as the CRD has them: ``path: what is wrong``."""
    found: list[str] = []
    health = rollout.health_check
    if health is None:
        return found
    if health.min_healthy_time is not None and health.success_threshold is not None:
        found.append(
            f"{_HEALTH}.minHealthyTime: give either minHealthyTime or successThreshold, not both"
        )
    if not MIN_INTERVAL <= health.interval <= MAX_INTERVAL:
        found.append(f"{_HEALTH}.interval: must be between 1s and 1h")
    for name, value in (
        ("deadline", health.deadline),
        ("minHealthyTime", health.min_healthy_time),
    ):
        if value is not None and not 0 < value <= MAX_DEADLINE:
            found.append(f"{_HEALTH}.{name}: must be longer than 0s and at most 24h")
    if health.error_rate is not None:
        found += _source_problems(health.error_rate)
    return found


def _source_problems(error_rate: ErrorRate) -> list[str]:
    queries = error_rate.prometheus
    if (error_rate.pod_metrics is None) == (queries is None):
        return [_ONE_SOURCE]
    if queries is None:
        return []
    written = {"errorQuery": queries.error_query, "totalQuery": queries.total_query}
    return [_reads_no_window(name) for name, text in written.items() if f"[{WINDOW}]" not in text]
