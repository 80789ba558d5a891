"""The forecast of an apply: what would change, whom it would take, what it costs, what stops it.

Pure: the job as it is and as it is proposed, the nodes and the time in, a forecast out. Waves,
writes and the least time are those of a rehearsal, the range of the time is that of past rollouts.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import yaml

from wavegate.api.defaults import effective_rollout, strip_rollout
from wavegate.api.durations import format_duration
from wavegate.api.fleetjob import FleetJobSpec, InvalidSpec, load_job_spec
from wavegate.api.rollout import RolloutSettings
from wavegate.cli.assumed import directories_of
from wavegate.cli.core import fleet_of, observed_of
from wavegate.cli.errors import CliError
from wavegate.cli.planning.left_out import left_out
from wavegate.cli.planning.rehearsal import Rehearsed, rehearse
from wavegate.cli.sight import ENDED, Document, Sight, at
from wavegate.domain.budget import exceeded
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import PlanSettings, VersionView
from wavegate.domain.one_shot import is_one_shot
from wavegate.domain.sources import source_of
from wavegate.domain.targets import Placement
from wavegate.domain.times import format_time, parse_time
from wavegate.drivers.driver import driver_for
from wavegate.drivers.pod import template_of

ZONE: Final = "topology.kubernetes.io/zone"
PLANNED: Final = "planned"
"""uid of a job that does not exist yet."""


@dataclass(frozen=True)
class Forecast:
    """What ``plan -o json`` prints."""

    namespace: str
    name: str
    exists: bool
    changes: bool
    """Whether the spec differs from the stored one at all."""
    version: int
    """The version that would be made; 0 where none is."""
    from_version: int
    """What most nodes run now as the stable version; 0: nothing."""
    diff: Sequence[str]
    deployment: str
    """The rollout that would be made; empty where none is."""
    says: str
    """Of a change that makes no rollout: what the operator would say."""
    supersedes: str
    strategy: str
    nodes_are_certain: bool
    """False for a job that does not exist yet: which nodes come first follows from its uid."""
    waves: Sequence[Mapping[str, Any]]
    """``{wave, canary, nodes}``, wave 0 outside waves."""
    up_to_date: Sequence[str]
    """Targets that are not touched, because they have what is wanted."""
    left_out: Sequence[Mapping[str, Any]]
    """``{reason, nodes}``."""
    unavailable: Mapping[str, Any]
    """``{most, of, byZone}``, in nodes."""
    writes: Mapping[str, int]
    seconds: Mapping[str, float | int]
    """``{least, from, to, rollouts}``: the range of so many past rollouts, 0: there is none."""
    stops: Sequence[str]
    waits: Sequence[str]
    assumes: Sequence[str] = field(default_factory=tuple)


def forecast(
    current: Sight | None,
    proposed: Document,
    nodes: Sequence[Document],
    now: float,
    zone_label: str = ZONE,
) -> Forecast:
    """What applying ``proposed`` would do. Raises CliError where it would be refused."""
    spec = checked(current, proposed)
    sight = proposal(current, proposed, now)
    assumed, assumes = settings_for(sight, spec, new=current is None)
    observed = observed_of(sight, nodes, now, assumed)
    fleet = fleet_of(observed)
    assert fleet is not None
    before = _stored_spec(current)
    diff = spec_diff(before, spec)
    zones = {
        each["metadata"]["name"]: zone
        for each in nodes
        if (zone := at(each, "metadata", "labels", zone_label))
    }
    played = rehearse(sight, nodes, now, assumed, zones)
    makes_none = fleet.is_current or fleet.excess or (spec.suspend and not sight.versions)
    rollout = effective_rollout(spec)
    targets = _targets(fleet, spec, assumed)
    stored = fleet.stable
    return Forecast(
        namespace=sight.job["metadata"]["namespace"],
        name=sight.name,
        exists=current is not None,
        changes=current is None or bool(diff),
        version=0 if makes_none else _next(fleet),
        from_version=stored.version if stored is not None else 0,
        diff=diff,
        deployment=played.deployment,
        says="" if played.deployment else played.message,
        supersedes=_superseded(sight, played),
        strategy=str(rollout.strategy),
        nodes_are_certain=current is not None,
        waves=_waves(played, rollout, is_rollback=played.kind == "Rollback"),
        up_to_date=sorted(targets - {name for wave in played.waves.values() for name in wave}),
        left_out=[
            {"reason": why, "nodes": names}
            for why, names in left_out(
                spec, _placement(spec, assumed), fleet.nodes.values()
            ).items()
        ],
        unavailable={
            "most": played.peak,
            "of": len(targets),
            "byZone": dict(sorted(played.peak_by_zone.items())),
        },
        writes=_writes(played),
        seconds=_seconds(sight, played),
        stops=stops(spec, rollout, len(targets), stored) if played.deployment else (),
        waits=_waits(sight.name, played, spec),
        assumes=assumes,
    )


def checked(current: Sight | None, proposed: Document) -> FleetJobSpec:
    """The proposed spec. Raises CliError where the server would refuse it."""
    try:
        spec = load_job_spec(proposed.get("spec"))
    except InvalidSpec as error:
        raise CliError(str(error)) from error
    stored = at(current.job, "spec", "type") if current is not None else None
    if stored is not None and stored != spec.type:
        raise CliError("spec.type: cannot be changed; make a job of another name")
    return spec


def proposal(current: Sight | None, proposed: Document, now: float) -> Sight:
    """The job as it would be after the apply, before the operator has seen it."""
    metadata = proposed["metadata"]
    if current is not None:
        stored = current.job["metadata"]
        changed = {**stored, "generation": int(stored.get("generation") or 1) + 1}
        return replace(current, job={**current.job, "metadata": changed, "spec": proposed["spec"]})
    job = {
        "apiVersion": proposed.get("apiVersion"),
        "kind": "FleetJob",
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata.get("namespace") or "default",
            "uid": PLANNED,
            "resourceVersion": "1",
            "generation": 1,
            "creationTimestamp": format_time(now),
        },
        "spec": proposed["spec"],
    }
    return Sight(job, [], [])


def settings_for(
    sight: Sight, spec: FleetJobSpec, *, new: bool
) -> tuple[PlanSettings, Sequence[str]]:
    """The operator's settings as far as they can be told, and what is assumed of the rest."""
    settings, assumes = PlanSettings(), []
    newest = max(sight.versions, key=lambda each: int(each["spec"]["version"]), default=None)
    image = at(newest, "spec", "driver", "image") or f"the operator's image for {spec.type}"
    revision = at(newest, "spec", "driver", "revision") or settings.driver_revision
    if spec.type != "container":
        settings = replace(
            settings,
            pipeline_image=image,
            query_image=image,
            update_image=image,
            config_image=image,
            driver_revision=revision,
        )
        if new:
            assumes.append(f"the operator has an image for type {spec.type}, or the template one")
        else:
            assumes.append(f"the operator's image for type {spec.type} is still {image}")
    if directories := directories_of(spec):
        settings = replace(settings, config_directories=directories)
        assumes.append(f"the operator allows files in {', '.join(directories)}")
    check = spec.rollout.health_check
    prometheus = check.error_rate.prometheus if check and check.error_rate else None
    if prometheus is not None:
        settings = replace(settings, prometheus_sources=frozenset([prometheus.source]))
        assumes.append(f"the operator has the Prometheus source {prometheus.source}")
    return settings, tuple(assumes)


def spec_diff(before: FleetJobSpec | None, after: FleetJobSpec) -> list[str]:
    """Lines of a unified diff of both, with sorted keys and without what repeats a default."""
    old = _lines(before) if before is not None else []
    return list(difflib.unified_diff(old, _lines(after), "stored", "proposed", lineterm="", n=2))


def _lines(spec: FleetJobSpec) -> list[str]:
    plain = spec.model_copy(update={"rollout": strip_rollout(spec.rollout, spec.type)})
    document = plain.model_dump(
        mode="json", by_alias=True, exclude_defaults=True, exclude_none=True
    )
    text: str = yaml.safe_dump(document, allow_unicode=True, width=100)
    return text.splitlines()


def _stored_spec(current: Sight | None) -> FleetJobSpec | None:
    if current is None:
        return None
    try:
        return load_job_spec(current.job["spec"])
    except InvalidSpec:
        return None


def _next(fleet: Fleet) -> int:
    return max([int(fleet.job.status.get("version") or 0), *fleet.versions], default=0) + 1


def _placement(spec: FleetJobSpec, settings: PlanSettings) -> Placement:
    image = driver_for(spec.type).image(settings)
    return Placement(spec, template_of(spec, image, settings))


def _targets(fleet: Fleet, spec: FleetJobSpec, settings: PlanSettings) -> set[str]:
    placement = _placement(spec, settings)
    return {name for name, node in fleet.nodes.items() if placement.is_target(node)}


def _superseded(sight: Sight, played: Rehearsed) -> str:
    newest = sight.newest
    if newest is None or not played.deployment or at(newest, "status", "state") in ENDED:
        return ""
    return str(newest["metadata"]["name"])


def _waves(
    played: Rehearsed, rollout: RolloutSettings, *, is_rollback: bool
) -> list[Mapping[str, Any]]:
    canary = rollout.strategy == "Canary" and not is_rollback
    ordered = sorted(played.waves, key=lambda wave: (wave == 0, wave))
    return [
        {"wave": wave, "canary": canary and wave == 1, "nodes": list(played.waves[wave])}
        for wave in ordered
    ]


def _writes(played: Rehearsed) -> dict[str, int]:
    """Creates, deletes and statuses of each kind; of job and deployment at most one a second."""
    return {key: number for key, number in sorted(played.writes.items()) if number}


def _seconds(sight: Sight, played: Rehearsed) -> dict[str, float | int]:
    """The least, and the range of past rollouts wave by wave.

    Of rollouts that completed and did not wait for a person: their time over their waves, times the
    waves that there are to be.
    """
    waves = sum(1 for wave in played.waves if wave > 0)
    paces = [each for each in map(_pace, sight.deployments) if each is not None]
    told: dict[str, float | int] = {"least": round(played.seconds), "rollouts": len(paces)}
    if paces and waves:
        told["from"] = max(round(played.seconds), round(min(paces) * waves))
        told["to"] = max(round(played.seconds), round(max(paces) * waves))
    return told


def _pace(deployment: Document) -> float | None:
    """Seconds a wave; None where it says nothing."""
    status = deployment.get("status") or {}
    if status.get("state") != "Completed" or deployment["spec"]["type"] not in _PACED:
        return None
    rollout = at(status, "resolved", "rollout") or {}
    if rollout.get("strategy") == "Canary" and not rollout.get("autoPromote"):
        return None
    started, ended = parse_time(status.get("startedAt")), parse_time(status.get("completedAt"))
    if started is None or ended is None:
        return None
    return (ended - started) / max(1, int(status.get("totalWaves") or 1))


_PACED: Final = ("Create", "Update", "Restart")


def stops(
    spec: FleetJobSpec, rollout: RolloutSettings, total: int, stable: VersionView | None
) -> list[str]:
    """What would make the rollout stop, with its limits."""
    found = []
    if rollout.strategy == "Canary":
        found.append("one canary that fails")
    most = next((n for n in range(total + 1) if exceeded(n, total, rollout)), None)
    if most is not None:
        limits = (
            f"maxFailedNodes {rollout.max_failed_nodes},"
            f" maxFailedNodesPercent {rollout.max_failed_nodes_percent}"
        )
        found.append(f"{most} of {total} nodes that fail ({limits})")
    if (how := _failure(spec, rollout)) and found:
        found.append(f"a node fails {how}")
    for name, seconds in (("total", spec.timeouts.total), ("queue", spec.timeouts.queue)):
        if seconds:
            found.append(f"spec.timeouts.{name}: {format_duration(seconds)} are over")
    if found:
        found.append(_afterwards(spec, rollout, stable))
    return found


def _failure(spec: FleetJobSpec, rollout: RolloutSettings) -> str:
    """How a node fails: by windows, and by its deadline."""
    health = rollout.health_check
    if is_one_shot(spec.type):
        return "when its command ends with an exit code other than 0"
    if rollout.strategy == "Immediate":
        return "when it does not run after 10m"
    if health is None:
        return ""
    errors = f"errors above {health.max_error_rate:.1%}, " if source_of(spec) is not None else ""
    told = (
        f"after {health.failure_threshold} bad windows of {format_duration(health.interval)} in a"
        f" row ({errors}restarts, not ready)"
    )
    if health.deadline is not None:
        told += f", or when it is not healthy after {format_duration(health.deadline)}"
    return told


def _afterwards(spec: FleetJobSpec, rollout: RolloutSettings, stable: VersionView | None) -> str:
    if is_one_shot(spec.type) or rollout.strategy == "Immediate" or stable is None:
        return "then it stops and stays as it is"
    if rollout.no_auto_rollback:
        return "then it stops; nodes that failed go back, the others stay (noAutoRollback)"
    return f"then all nodes go back to v{stable.version} by themselves"


def _waits(name: str, played: Rehearsed, spec: FleetJobSpec) -> list[str]:
    told = []
    if "AwaitingPromotion" in played.waits_for_person:
        told.append(f"after the canaries for a person: wavegate promote {name}")
    if "Paused" in played.waits_for_person:
        told.append(
            "before its first node, until spec.rollout.paused is off"
            if spec.rollout.paused
            else f"until it is resumed: wavegate resume {name}"
        )
    if played.deployment and played.state != "Completed":
        told.append(f"for something that a plan does not bring about: {played.message}")
    if spec.suspend:
        told.append("the job is suspended (spec.suspend): nothing runs")
    return told
