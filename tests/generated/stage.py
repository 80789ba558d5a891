"""One job on a simulated cluster under the whole operator, and what must hold of it.

| oracle | broken by |
| --- | --- |
| no traceback | a log record with an exception or of level ERROR, a process that ends |
| nothing of its own is refused | a write that the server calls invalid, dry runs aside |
| never stuck | an hour later, a reason that goes on by itself and names no time |
| always said why | no Ready condition, a reason without a way out, waiting without a message |
| one mind | a spec that the CRD takes and the operator's model does not, `_LOOKED_UP` aside |
| quiet | a write within an hour after all is as it should be; requests without end |
| the invariants | see `sim.invariants`, after each write |
"""

from __future__ import annotations

import asyncio
import copy
import functools
import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from faults.ends import orphans
from faults.run import MANIFESTS, roles
from faults.watched import Watched
from generated.answers import objections
from generated.bases import JOB, Object
from wavegate.api.durations import parse_duration
from wavegate.api.names import LABEL_PULL
from wavegate.cli.ways_out import ITSELF, WAYS_OUT
from wavegate.domain.times import parse_time
from wavegate.kube.errors import ApiError
from wavegate.settings import Settings
from wavegate.simulation.cluster import SimulatedCluster
from wavegate.simulation.fates import COMPLETES, FINE, Fate
from wavegate.simulation.rights import load_roles
from wavegate.simulation.store import Change

NODES: Final = 4
OTHER: Final = "other"
"""A node that no base selects."""

POLL: Final = 1.0
STILL: Final = 20.0
"""Seconds without a write after which it is looked whether all is over."""

PATIENCE: Final = 3600.0
HOUR: Final = 3600.0
MOST_REQUESTS: Final = 600
"""Of the operator within an hour of quiet: a refused template is tried 120 times."""

SETTINGS: Final = Settings(
    identity="",
    query_image="query:1",
    update_image="update:1",
    config_image="config:1",
    config_directories=("/etc/app",),
)
_OURS: Final = ("FleetJob", "JobVersion", "FleetDeployment", "Execution", "Pod", "ConfigMap")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_LOOKED_UP: Final = ("spec.trigger.timeZone",)
"""Fields that are names of what the operator's machine knows: no rule of a CRD can refuse one."""
_IDLE: Final = "processor_error 0\noutput_error 0\ninput_received 10\nerrors 0\nrequests 10\n"
_ENDED: Final = ("Completed", "Failed", "Canceled")
_RUNS_ON: Final = ("container", "pipeline")


@functools.cache
def _roles() -> list[dict[str, Any]]:
    return [*roles(), *load_roles(MANIFESTS / "optional")]


class Complaints(logging.Handler):
    """Keeps what should not be in a log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR or record.exc_info:
            trace = logging.Formatter().format(record)
            self.found.append(f"{record.levelname} {record.name}: {trace[-1500:]}")


class Wrong(AssertionError):
    """An oracle has something against what it sees."""


class Stage:
    """To be made within a running `VirtualLoop`, and closed."""

    def __init__(self) -> None:
        self.cluster = SimulatedCluster(_roles(), settings=SETTINGS)
        self.watched = Watched(self.cluster, None)
        self.name = JOB
        self.requests = 0
        self.said: list[str] = []
        """What users did, and how it was answered."""
        self.bad: dict[tuple[str, str], Fate] = {}
        """By image and node; the node may be empty, for all."""
        self._refused: list[str] = []
        self._last_write = 0.0
        self._complaints = Complaints()
        self._job_type = "container"
        logging.getLogger().addHandler(self._complaints)
        self.cluster.server.store.listeners.append(self._changed)
        self._listen_to_requests()
        self.cluster.fleet.fate = self._fate
        for number in range(NODES):
            self.cluster.fleet.add(f"n{number:02}", pool="edge", zone="ab"[number % 2])
        self.cluster.fleet.add(OTHER, pool="core", zone="a")
        self.cluster.keep_running()

    async def close(self) -> None:
        await self.cluster.close()
        logging.getLogger().removeHandler(self._complaints)

    def _listen_to_requests(self) -> None:
        server = self.cluster.server
        ask = server.request

        def asked(user: Any, method: str, path: str, *more: Any, **named: Any) -> Any:
            if user is not self.cluster.account or "/leases" in path:
                return ask(user, method, path, *more, **named)
            self.requests += 1
            try:
                return ask(user, method, path, *more, **named)
            except ApiError as error:
                dry = bool(more) and bool((more[0] or {}).get("dryRun"))
                if error.status in (400, 422, 501) and not dry:
                    self._refused.append(f"{method} {path}: {error}")
                raise

        server.request = asked  # type: ignore[method-assign]

    def _fate(self, node: str, image: str) -> Fate:
        if self._job_type not in _RUNS_ON:
            return COMPLETES
        found = self.bad.get((image, node), self.bad.get((image, "")))
        if found is not None:
            return found
        return Fate(page=_IDLE) if self._job_type == "pipeline" else FINE

    def _changed(self, change: Change) -> None:
        if change.kind.resource.kind in _OURS:
            self._last_write = self.cluster.loop.time()

    # what a user does

    def send(self, document: Object) -> bool:
        """kubectl apply; whether it was accepted. A refusal has to say why."""
        kind, name = document["kind"], document["metadata"]["name"]
        before = self.cluster.get(kind, name)
        says: list[str] = []
        try:
            if found := objections(document, before):
                says = found
            else:
                self._put(kind, name, document, before)
        except ApiError as error:
            says = [error.message]
        at = self.cluster.loop.time()
        self.said.append(f"t={at:g} {kind} {name}: {says or 'accepted'}")
        if says and not all(re.search(r"(spec|metadata)\b", each) for each in says):
            raise Wrong(f"a refusal that names no field: {says}")
        return not says

    def _put(self, kind: str, name: str, document: Object, before: Object | None) -> None:
        if kind == "FleetJob":
            made = self.cluster.apply(name, copy.deepcopy(document["spec"]))
            self.name, self._job_type = name, made["spec"]["type"]
        elif before is not None:
            self.cluster.patch(kind, name, {"spec": document["spec"]})
        else:
            self.cluster.create(kind, name, copy.deepcopy(document["spec"]))

    def delete_pod(self, pod: Object) -> None:
        """By hand."""
        self.watched.disturb(pod["spec"].get("nodeName", ""))
        self.cluster.delete("Pod", pod["metadata"]["name"])

    def delete_execution(self, execution: Object) -> None:
        """By hand."""
        self.watched.disturb(execution["spec"]["nodeName"])
        self.watched.meddle()
        self.cluster.delete("Execution", execution["metadata"]["name"])

    # what is seen

    def job(self) -> Object | None:
        return self.cluster.get("FleetJob", self.name)

    def status(self) -> Mapping[str, Any]:
        return dict((self.job() or {}).get("status") or {})

    def ready(self) -> Mapping[str, Any]:
        """The job's condition Ready."""
        return self._conditions(self.status()).get("Ready", {})

    @staticmethod
    def _conditions(status: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        return {each["type"]: each for each in status.get("conditions", ())}

    def uids(self, kind: str) -> set[str]:
        """Of all that are there of a kind; pods that pull images aside."""
        found = self.pods() if kind == "Pod" else self.cluster.list(kind)
        return {each["metadata"]["uid"] for each in found}

    def pods(self) -> list[Object]:
        """Those at work."""
        found = self.cluster.list("Pod")
        return [each for each in found if LABEL_PULL not in each["metadata"]["labels"]]

    def end(self) -> dict[str, Any]:
        """Where all is, without ids, times, words and numbers of versions.

        What has run to completion stays, and is counted, where the job no longer selects the node.
        """
        status, once = self.status(), self._job_type not in _RUNS_ON
        return {
            "state": (status.get("state") or {}).get("stateType"),
            "conditions": {
                name: f"{each['status']} {each['reason']}"
                for name, each in self._conditions(status).items()
            },
            "nodes": None if once else status.get("nodes"),
            "pods": {
                each["spec"].get("nodeName"): (_image(each), _is_ready(each))
                for each in self.pods()
                if not once or each["spec"].get("nodeName") != OTHER
            },
        }

    def at_rest(self) -> bool:
        """Whether nothing more happens by itself, as the job says."""
        job = self.job()
        if job is None:
            return not self.cluster.list("Pod") and not self.cluster.list("Execution")
        status, ready = self.status(), self.ready()
        if status.get("observedGeneration") != job["metadata"]["generation"]:
            return False
        way = WAYS_OUT.get(str(ready.get("reason")))
        return way is None or ready["status"] == "True" or way.ends or way.who != ITSELF

    # time

    async def settle(self, patience: float = PATIENCE) -> None:
        """Wait until nothing is written and the job is at rest, or for so many virtual seconds."""
        until = self.cluster.loop.time() + patience
        while self.cluster.loop.time() < until:
            await asyncio.sleep(POLL)
            self.check()
            still = self.cluster.loop.time() - self._last_write >= STILL
            if still and self.at_rest():
                return

    async def quiet_hour(self) -> None:
        """An hour after which all is as it was, if all was well."""
        well, begun = self.is_well(), self.cluster.loop.time()
        before, asked = self.end(), self.requests
        await asyncio.sleep(HOUR)
        self.check()
        if well and not self._has_its_time() and self._last_write > begun:
            raise Wrong(f"not quiet: {before} became {self.end()}")
        if well and self.requests - asked > MOST_REQUESTS:
            raise Wrong(f"{self.requests - asked} requests in an hour in which nothing happens")

    def is_well(self) -> bool:
        """Whether the job says so."""
        ready = self.ready()
        return ready.get("status") == "True" and ready.get("reason") != "Degraded"

    def _has_its_time(self) -> bool:
        """Whether the job's pods run on, and yet may each run for no longer than an hour."""
        timeouts = ((self.job() or {}).get("spec") or {}).get("timeouts") or {}
        longest = parse_duration(timeouts.get("execution") or "24h")
        return self._job_type in _RUNS_ON and longest <= HOUR

    # the oracles

    def check(self) -> None:
        """What must hold at any time."""
        ready = self.ready()
        looked_up = str(ready.get("message")).partition(":")[0] in _LOOKED_UP
        if ready.get("reason") == "InvalidSpec" and not looked_up:
            raise Wrong(f"the server took what the operator does not understand: {ready}")
        if self._complaints.found:
            raise Wrong(f"in the log: {self._complaints.found[0]}")
        if self._refused:
            raise Wrong(f"the operator's own write was refused: {self._refused[0]}")
        if len(self.cluster.processes) > 1:
            raise Wrong("the operator's process ended")
        if self.watched.broken is not None:
            raise self.watched.broken

    def judge(self) -> None:
        """What must hold where nothing was done for long."""
        self.check()
        found = [*self._about_the_job(), *self._about_deployments(), *self._about_pods()]
        found += [f"orphaned: {each}" for each in orphans(self.cluster)]
        if found:
            raise Wrong("\n".join(found))

    def _about_the_job(self) -> Iterator[str]:
        job, status = self.job(), self.status()
        if job is None:
            left = [kind for kind in ("Pod", "Execution", "JobVersion") if self.cluster.list(kind)]
            yield from (f"{kind}s are left of a job that is gone" for kind in left)
            return
        if status.get("observedGeneration") != job["metadata"]["generation"]:
            yield f"generation {job['metadata']['generation']} was never seen: {status}"
        yield from self._about_conditions("FleetJob", status, str(self.ready().get("reason")))
        if not (status.get("state") or {}).get("stateType"):
            yield "no state"

    def _about_conditions(self, what: str, status: Mapping[str, Any], reason: str) -> Iterator[str]:
        conditions = self._conditions(status)
        ready = conditions.get("Ready")
        if ready is None:
            yield f"{what}: no condition Ready"
            return
        waits = [name for name in ("Reconciling", "Stalled") if name in conditions]
        if len(waits) != (0 if ready["status"] == "True" else 1):
            yield f"{what}: Ready {ready['status']} ({reason}) beside {waits}"
        way = WAYS_OUT.get(reason)
        if way is None:
            yield f"{what}: {reason} has no way out"
        elif ready["status"] != "True" and not ready["message"]:
            yield f"{what}: {reason} without a message"
        elif ready["status"] != "True" and way.who == ITSELF and not way.ends:
            told = self._names_a_time(ready["message"]) or self._is_told_by_the_job()
            if not told:
                yield f"{what}: stuck, {reason}: {ready['message']}"

    def _is_told_by_the_job(self) -> bool:
        """Whether the job says who can unblock what it and its rollout wait for."""
        way = WAYS_OUT.get(str(self.ready().get("reason")))
        return way is not None and way.who != ITSELF

    def _names_a_time(self, message: str) -> bool:
        """Whether it says when it goes on at the latest, and that is still to come."""
        times = [parse_time(each) or 0.0 for each in _TIME.findall(message)]
        return any(each > self.cluster.now() for each in times)

    def _about_deployments(self) -> Iterator[str]:
        for each in self.cluster.list("FleetDeployment"):
            status, name = each.get("status") or {}, each["metadata"]["name"]
            if each["spec"]["jobName"] != self.name:
                continue
            if not status.get("state") or not status.get("reason") or not status.get("message"):
                yield f"{name}: {status}"
                continue
            ended = status["state"] in _ENDED
            if not ended or status["state"] == "Failed":
                yield from self._about_conditions(name, status, status["reason"])
            elif status["reason"] not in WAYS_OUT:
                yield f"{name}: {status['reason']} has no way out"

    def _about_pods(self) -> Iterator[str]:
        """Of a job that says that it runs, and that all is well."""
        if self.ready().get("reason") != "Running":
            return
        pods, wanted = self.pods(), (self.status().get("nodes") or {}).get("desired")
        unready = [each["metadata"]["name"] for each in pods if not _is_ready(each)]
        if unready or len(pods) != wanted:
            yield f"Running on {wanted} nodes with {len(pods)} pods, of which not ready: {unready}"

    def story(self) -> str:
        """What a person needs to understand a failure."""
        return "\n".join([*self.said, self.watched.story(), f"status: {self.status()}"])


def _image(pod: Object) -> str:
    return str(pod["spec"]["containers"][0]["image"])


def _is_ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
