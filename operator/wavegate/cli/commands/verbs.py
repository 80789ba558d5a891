"""``promote``, ``pause``, ``resume``, ``cancel``: fields of the FleetDeployment that is open.

They are those of the Argo CD actions, and mean the same: the deployment is written, never the job.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import click

from wavegate.cli.changing import change_options, for_git, fragment, tell
from wavegate.cli.cluster import Cluster, Selection, connect
from wavegate.cli.completing import complete_jobs
from wavegate.cli.errors import CliError
from wavegate.cli.options import Target, connection_options
from wavegate.cli.output import say
from wavegate.cli.ownership import owner_of
from wavegate.cli.sight import ENDED, Document, at, sequence
from wavegate.kube.resources import FLEET_DEPLOYMENTS, FLEET_JOBS


@dataclass(frozen=True, slots=True)
class Verb:
    """A field of the deployment and the value that it gets; ``done`` says what that did."""

    field: str
    value: bool
    done: str


VERBS: Final = {
    "promote": Verb("promoted", True, "promoted"),
    "pause": Verb("paused", True, "paused"),
    "resume": Verb("paused", False, "resumed"),
    "cancel": Verb("canceled", True, "canceled"),
}


def _command(name: str, help_text: str) -> click.Command:
    @click.command(name=name, help=help_text)
    @click.argument("name", metavar="NAME", shell_complete=complete_jobs)
    @change_options
    @connection_options
    def command(name: str, dry_run: bool, output: str, target: Target) -> int:
        return _carry_out(verb, name, dry_run, output, target)

    verb = VERBS[name]
    return command


_NAME: Final = (
    "\n\nNAME is a job, whose open deployment is meant, or a deployment (fd/NAME for one that has"
    " the name of a job)."
)
promote: Final = _command(
    "promote",
    "Pass the canary gate.\n\nBefore the canaries are stable it is consent in advance: they are"
    " judged all the same. It cannot be taken back." + _NAME,
)
pause: Final = _command("pause", "Take no further node; what runs goes on." + _NAME)
resume: Final = _command("resume", "Go on with a rollout that was paused." + _NAME)
cancel: Final = _command(
    "cancel",
    "End a rollout where it is: no further node, no rollback.\n\nThe nodes keep what they run, and"
    " the version counts as failed. It cannot be taken back." + _NAME,
)


def _carry_out(verb: Verb, name: str, dry_run: bool, output: str, target: Target) -> int:
    with connect(target) as cluster:
        found = open_deployment(cluster, name)
        space, deployment = cluster.namespace, found["metadata"]["name"]
        spec: Document = {verb.field: verb.value}
        document = fragment(FLEET_DEPLOYMENTS, space, deployment, spec)
        _refuse(verb, found)
        if bool(found["spec"].get(verb.field)) == verb.value:
            say(f"FleetDeployment {deployment} is {verb.done} already")
        elif not dry_run:
            owner = owner_of(found, verb.field)
            if owner:
                return for_git([(document, owner)], f"spec.{verb.field}", output)
            cluster.patch(FLEET_DEPLOYMENTS, found, {"spec": spec})
            for hint in hints(verb, cluster, found):
                say(hint)
    tell(document, output, verb.done, dry_run=dry_run)
    return 0


def open_deployment(cluster: Cluster, name: str) -> Document:
    """The deployment that is meant: the open one of a job, or the one of that name."""
    kind, _, bare = name.rpartition("/")
    space = cluster.namespace
    is_deployment = kind.partition(".")[0].lower() in (
        "fd",
        "fleetdeployment",
        "fleetdeployments",
    )
    job = None if is_deployment else cluster.find(FLEET_JOBS, space, bare)
    if job is None:
        found = cluster.find(FLEET_DEPLOYMENTS, space, bare)
        if found is None:
            what = "FleetDeployment" if is_deployment else "FleetJob or FleetDeployment"
            raise CliError(f"no {what} {bare} in namespace {space}")
        return found
    (deployments,) = cluster.read(
        Selection(FLEET_DEPLOYMENTS, space, fields=f"spec.jobName={bare}")
    )
    is_open = [each for each in deployments if at(each, "status", "state") not in ENDED]
    if not is_open:
        last = max(deployments, key=sequence, default=None)
        state = at(last, "status", "state") if last is not None else None
        ended = f"; the last, {last['metadata']['name']}, is {state}" if last and state else ""
        raise CliError(f"no rollout of FleetJob {bare} is open{ended}")
    return min(is_open, key=sequence)


def _refuse(verb: Verb, found: Document) -> None:
    name, state = found["metadata"]["name"], at(found, "status", "state")
    if state in ENDED:
        raise CliError(f"FleetDeployment {name} has ended: {state}")
    if found["spec"]["type"] == "Stop" and verb.field != "canceled":
        raise CliError(f"FleetDeployment {name} is a Stop, which takes only cancel")
    if found["spec"].get("canceled") and verb.field != "canceled":
        raise CliError(f"FleetDeployment {name} was canceled; that cannot be taken back")


def hints(verb: Verb, cluster: Cluster, found: Document) -> list[str]:
    """What somebody might wonder about afterwards."""
    reason, job = at(found, "status", "reason"), found["spec"]["jobName"]
    if verb is VERBS["promote"] and reason != "AwaitingPromotion":
        return ["it does not wait for that now: consent in advance, once the canaries are stable"]
    if verb is not VERBS["resume"]:
        return []
    document = cluster.find(FLEET_JOBS, cluster.namespace, job)
    if not at(document, "spec", "rollout", "paused"):
        return []
    return [f"it goes on only once spec.rollout.paused of FleetJob {job}, in its spec, is off too"]
