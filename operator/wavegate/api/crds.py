"""The CRDs, made from the models: ``python -m wavegate.api.crds --out crds/``.

One file a kind. ``--check`` compares instead of writing, and says which command repairs a drift.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Final

import yaml

from wavegate.api.base import cel
from wavegate.api.execution import ExecutionSpec, ExecutionStatus
from wavegate.api.fleetdeployment import FleetDeploymentSpec, FleetDeploymentStatus
from wavegate.api.fleetjob import FleetJobSpec
from wavegate.api.fleetjob_status import FleetJobStatus
from wavegate.api.httpjob import HTTPJobSpec
from wavegate.api.httpjob_status import HTTPJobStatus
from wavegate.api.jobrun import MAX_RUN_NAME, UNENDED, JobRunSpec, JobRunStatus
from wavegate.api.jobversion import JobVersionSpec, JobVersionStatus
from wavegate.api.kind import AGE, Column, Kind, short_name
from wavegate.api.names import CATEGORY, GROUP, VERSION
from wavegate.api.ratelimitpool import RateLimitPoolSpec
from wavegate.api.runbatch import MAX_BATCH_NAME, RunBatchSpec, RunBatchStatus
from wavegate.api.schema import Schema, spec_schema, status_schema

REPAIR: Final = "python -m wavegate.api.crds --out crds/"

_NEVER_SEEN: Final = {"observedGeneration": -1}
"""Of a new object, so that it is never taken for finished."""
_NOT_BEGUN: Final = {
    "observedState": {"stateType": "Pending", "message": "nothing is known of its pod yet"}
}
"""Of a new Execution, so that it has a state before its pod has one, without a write."""

FLEET_JOB: Final = Kind(
    kind="FleetJob",
    plural="fleetjobs",
    short="fj",
    description="A FleetJob is what a user wants to run on every node that its selector matches."
    " A change of its spec makes a version, which is rolled out in waves; with spec.runs or"
    " spec.trigger it is executed when asked.",
    spec=FleetJobSpec,
    status=FleetJobStatus,
    columns=(
        Column("Type", ".spec.type", description="Kind of work."),
        Column("Version", ".status.version", "integer", "The newest version."),
        Column(
            "Stable",
            ".status.stableVersion",
            "integer",
            "The version whose rollout completed last.",
        ),
        Column("State", ".status.state.stateType", description="The job in one word."),
        Column("Wave", ".status.rollout.currentWave", "integer", "Wave in progress."),
        Column("Waves", ".status.rollout.totalWaves", "integer", "Waves of the rollout."),
        Column("Updated", ".status.rollout.updatedNodes", "integer", "Nodes that succeeded."),
        Column("Total", ".status.rollout.totalNodes", "integer", "Targets of the rollout."),
        Column("Failed", ".status.rollout.failedNodes", "integer", "Nodes that failed."),
        Column("Message", ".status.state.message", description="Why, for people."),
        AGE,
    ),
    rules=(
        short_name("so that every name made from it fits"),
        cel(
            "!has(self.spec.trigger) || !has(self.spec.trigger.dependsOn)"
            " || self.spec.trigger.dependsOn.all(d, d.jobName != self.metadata.name"
            " || !has(d.jobKind) || d.jobKind == 'HTTPJob')",
            "spec.trigger.dependsOn: a job cannot depend on itself",
            reason="FieldValueForbidden",
        ),
    ),
    status_default=_NEVER_SEEN,
)

JOB_VERSION: Final = Kind(
    kind="JobVersion",
    plural="jobversions",
    short="jv",
    description="A JobVersion is an immutable snapshot of a FleetJob's spec. The operator makes"
    " them; nobody else should.",
    spec=JobVersionSpec,
    status=JobVersionStatus,
    columns=(
        Column(
            "Job",
            ".metadata.ownerReferences[?(@.controller==true)].name",
            description="The FleetJob.",
        ),
        Column("Version", ".spec.version", "integer", "Number of the version."),
        Column("Stable", ".status.stable", "boolean", "Whether a rollout of it completed."),
        Column(
            "Workload",
            ".spec.workloadHash",
            description="Hash of what reaches a node.",
            wide=True,
        ),
        AGE,
    ),
)

FLEET_DEPLOYMENT: Final = Kind(
    kind="FleetDeployment",
    plural="fleetdeployments",
    short="fd",
    description="A FleetDeployment is one rollout of a version of a FleetJob. It is paused,"
    " promoted and canceled by the fields of these names.",
    spec=FleetDeploymentSpec,
    status=FleetDeploymentStatus,
    columns=(
        Column("Job", ".spec.jobName", description="The FleetJob."),
        Column("Type", ".spec.type", description="What the rollout does."),
        Column("From", ".status.resolved.fromVersion", "integer", "The version that is left."),
        Column("To", ".status.resolved.toVersion", "integer", "The version rolled out."),
        Column("State", ".status.state", description="The rollout in one word."),
        Column("Wave", ".status.currentWave", "integer", "Wave in progress."),
        Column("Waves", ".status.totalWaves", "integer", "Waves that it takes."),
        Column("Updated", ".status.updatedNodes", "integer", "Nodes that succeeded."),
        Column("Total", ".status.totalNodes", "integer", "Targets when it began."),
        Column("Failed", ".status.failedNodes", "integer", "Nodes that failed."),
        Column("Message", ".status.message", description="Why, for people."),
        AGE,
    ),
    rules=(
        short_name("because executions carry it as a label", 63),
        cel(
            "self.spec.type in ['Create', 'Update'] ||"
            " !self.metadata.name.startsWith(self.spec.jobName + '-v') ||"
            " !self.metadata.name.substring(self.spec.jobName.size()).matches('^-v[0-9]+$')",
            "metadata.name: JOB-vN is the name of the rollout that the operator makes of version N;"
            " choose another",
        ),
    ),
    selectable=(".spec.jobName",),
    status_default=_NEVER_SEEN,
)

EXECUTION: Final = Kind(
    kind="Execution",
    plural="executions",
    short="ex",
    description="An Execution is one version of a FleetJob on one node, and the claim on that"
    " node. The operator makes them; nobody else should.",
    spec=ExecutionSpec,
    status=ExecutionStatus,
    columns=(
        Column("Job", ".spec.jobName", description="The FleetJob."),
        Column("Version", ".spec.jobVersion", "integer", "Number of the version."),
        Column("Node", ".spec.nodeName", description="The node."),
        Column("Wave", ".spec.rolloutWave", "integer", "Wave; 0: outside a rollout."),
        Column("State", ".status.observedState.stateType", description="What is seen of it."),
        Column("Stable since", ".status.stableAt", "date", "Time since it passed its validation."),
        Column("Message", ".status.observedState.message", description="Why, for people."),
        AGE,
    ),
    selectable=(
        ".spec.nodeName",
        ".spec.jobName",
        ".spec.deploymentName",
        ".spec.jobVersion",
    ),
    status_default=_NOT_BEGUN,
)

_NOT_CALLED: Final = {"observedGeneration": -1, "phase": "Queued"}
"""Of a new JobRun: most runs start before anybody could write that they wait."""

HTTP_JOB: Final = Kind(
    kind="HTTPJob",
    plural="httpjobs",
    short="hj",
    description="An HTTPJob is a call to an endpoint, made once for each run that is asked for, by"
    " hand or by its schedule.",
    spec=HTTPJobSpec,
    status=HTTPJobStatus,
    columns=(
        Column("Version", ".status.version", "integer", "The newest version."),
        Column("State", ".status.state", description="Active, Suspended or Invalid."),
        Column("Schedule", ".spec.trigger.schedule.cron", description="When a run is made."),
        Column("Next", ".status.schedule.nextTickTime", description="The next tick."),
        Column("Queued", ".status.runs.queued", "integer", "Runs that may start, or are held."),
        Column("Executing", ".status.runs.executing", "integer", "Runs that execute."),
        Column("Score", ".status.health.last7Days.score", "number", "Health, from 0 to 100."),
        Column("As of", ".status.health.asOf", "date", "When a run last counted in it."),
        Column("Message", ".status.message", description="Why, for people.", wide=True),
        AGE,
    ),
    rules=(
        short_name("so that every name made from it fits"),
        cel(
            "!has(self.spec.trigger.dependsOn)"
            " || self.spec.trigger.dependsOn.all(d, d.jobName != self.metadata.name"
            " || (has(d.jobKind) && d.jobKind == 'FleetJob'))",
            "spec.trigger.dependsOn: a job cannot depend on itself",
            reason="FieldValueForbidden",
        ),
    ),
    status_default=_NEVER_SEEN,
)

JOB_RUN: Final = Kind(
    kind="JobRun",
    plural="jobruns",
    short="jr",
    description="A JobRun is one run of an HTTPJob that was asked for, and what became of it. One"
    " that has ended never changes; another with replayOf repeats it.",
    spec=JobRunSpec,
    status=JobRunStatus,
    columns=(
        Column("Job", ".spec.jobName", description="The job."),
        Column("Kind", ".spec.jobKind", description="Its kind.", wide=True),
        Column("Phase", ".status.phase", description="The run in one word."),
        Column("Reason", ".status.reason", description="Why, in one word."),
        Column("Attempt", ".status.attempt", "integer", "The attempt."),
        Column("By", ".status.triggeredBy", description="Who asked for it.", wide=True),
        Column("Version", ".status.version", "integer", "The job's version.", wide=True),
        Column("Webhook", ".status.webhook.phase", description="Whether it was told.", wide=True),
        Column("Message", ".status.message", description="Why, for people."),
        AGE,
    ),
    rules=(
        short_name("so that every name made from it fits", MAX_RUN_NAME),
        cel(
            "!self.spec.canceled || oldSelf.spec.canceled || !has(oldSelf.status)"
            " || !has(oldSelf.status.phase)"
            f" || oldSelf.status.phase in {list(UNENDED)}",
            "spec.canceled: the run has ended already, nothing is left to cancel",
            reason="FieldValueForbidden",
        ),
    ),
    selectable=(".spec.jobName", ".status.phase"),
    status_default=_NOT_CALLED,
)

RATE_LIMIT_POOL: Final = Kind(
    kind="RateLimitPool",
    plural="ratelimitpools",
    short="rlp",
    description="A RateLimitPool is a rate that several HTTPJobs of its namespace share: those that"
    " name it in spec.runs.limits.pools.",
    spec=RateLimitPoolSpec,
    status=None,
    columns=(
        Column("Max", ".spec.max", "integer", "Calls that may begin in a window."),
        Column("Window", ".spec.window", description="The window."),
        AGE,
    ),
    rules=(short_name("so that a job can name it"),),
)

RUN_BATCH: Final = Kind(
    kind="RunBatch",
    plural="runbatches",
    short="rb",
    description="A RunBatch asks for up to 500 runs of an HTTPJob at once, of which all are made or"
    " none, or cancels or replays the runs that a selector matches.",
    spec=RunBatchSpec,
    status=RunBatchStatus,
    columns=(
        Column("Job", ".spec.jobName", description="The HTTPJob."),
        Column("State", ".status.state", description="The batch in one word."),
        Column("Total", ".status.counts.total", "integer", "Runs that it is about."),
        Column("Pending", ".status.counts.pending", "integer", "Runs that are not made yet."),
        Column("Open", ".status.counts.open", "integer", "Runs that have not ended."),
        Column("Completed", ".status.counts.completed", "integer", "Runs that completed."),
        Column("Failed", ".status.counts.failed", "integer", "Runs that ended badly."),
        Column("Message", ".status.message", description="Why, for people."),
        AGE,
    ),
    rules=(
        short_name("because its runs carry it as a label", MAX_BATCH_NAME),
        cel(
            "!self.spec.canceled || oldSelf.spec.canceled || !has(oldSelf.status)"
            " || !has(oldSelf.status.state) || oldSelf.status.state in ['Pending', 'Running']",
            "spec.canceled: the batch has ended already, nothing is left to cancel",
            reason="FieldValueForbidden",
        ),
    ),
    selectable=(".spec.jobName", ".status.state"),
    status_default=_NEVER_SEEN,
)

KINDS: Final = (
    FLEET_JOB,
    JOB_VERSION,
    FLEET_DEPLOYMENT,
    EXECUTION,
    HTTP_JOB,
    JOB_RUN,
    RATE_LIMIT_POOL,
    RUN_BATCH,
)


def crd(kind: Kind) -> dict[str, Any]:
    """The CustomResourceDefinition of a kind, as the API server takes it."""
    version: dict[str, Any] = {
        "name": VERSION,
        "served": True,
        "storage": True,
        **({"subresources": {"status": {}}} if kind.status is not None else {}),
        "additionalPrinterColumns": [column.to_dict() for column in kind.columns],
        "schema": {"openAPIV3Schema": _root(kind)},
    }
    if kind.selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in kind.selectable]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.kind.lower(),
                "shortNames": [kind.short],
                "categories": [CATEGORY],
            },
            "versions": [version],
        },
    }


def _root(kind: Kind) -> Schema:
    root: Schema = {
        "description": kind.description,
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {
                "type": "string",
                "description": f"Version of this object's schema, {GROUP}/{VERSION}.",
            },
            "kind": {"type": "string", "description": f"Kind of this object, {kind.kind}."},
            "metadata": {"type": "object"},
            "spec": spec_schema(kind.spec),
        },
    }
    if kind.status is not None:
        root["properties"]["status"] = status = status_schema(kind.status)
        if kind.status_default is not None:
            status["default"] = dict(kind.status_default)
    if kind.rules:
        root["x-kubernetes-validations"] = list(kind.rules)
    return root


class _Dumper(yaml.SafeDumper):
    """Without anchors, so that a reader of the file sees each field in its place."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def render(kind: Kind) -> str:
    """Text of the kind's file in ``crds/``."""
    header = f"# Made from the models in operator/wavegate/api by: {REPAIR}\n"
    return header + yaml.dump(crd(kind), Dumper=_Dumper, sort_keys=False, width=100)


def drifted(directory: Path) -> list[str]:
    """Names of the files that differ from the models, are missing, or should not be there."""
    wanted = {kind.file_name: render(kind) for kind in KINDS}
    found = {path.name: path.read_text() for path in directory.glob(f"{GROUP}_*.yaml")}
    return sorted(
        name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)
    )


def main(arguments: list[str] | None = None) -> int:
    """Entry point; 1 where ``--check`` found a drift."""
    parser = argparse.ArgumentParser(prog="python -m wavegate.api.crds", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("crds"), help="directory of the files")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    options = parser.parse_args(arguments)
    if options.check:
        if names := drifted(options.out):
            print(
                f"{', '.join(names)} in {options.out} differ from the models;"
                f" repair with: {REPAIR}",
                file=sys.stderr,
            )
            return 1
        return 0
    options.out.mkdir(parents=True, exist_ok=True)
    wanted = {kind.file_name: render(kind) for kind in KINDS}
    for path in options.out.glob(f"{GROUP}_*.yaml"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (options.out / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
