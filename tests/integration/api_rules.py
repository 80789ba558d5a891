"""Every rule of the CRDs: an object that passes, one that is refused, and what the server says.

A row with ``old`` is about a change: ``good`` and ``bad`` are merge patches to that object.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from integration.source_rules import source_rules
from wavegate.api.names import API_VERSION

Object = dict[str, Any]

MAIN: Final = {"name": "main", "image": "busybox"}
DEADLINE: Final = {"deadline": "5m"}


@dataclass(frozen=True, slots=True)
class Rule:
    """``says`` is the beginning of what the server says about ``bad`` after the object's name."""

    name: str
    good: Object
    bad: Object
    says: str
    old: Object | None = None


def job(name: str = "job", /, **spec: Any) -> Object:
    """A pipeline job; ``spec`` replaces its fields."""
    return {
        "apiVersion": API_VERSION,
        "kind": "FleetJob",
        "metadata": {"name": name},
        "spec": {"type": "pipeline", "config": {"input": {}}, **spec},
    }


def container(pod: Object | None = None, **template: Any) -> Object:
    """A container job; ``pod`` adds to its pod's spec, ``template`` to its template."""
    spec = {"containers": [MAIN], **(pod or {})}
    return job(type="container", template={"spec": spec, **template})


def deployment(name: str = "back", /, **spec: Any) -> Object:
    """A rollback to version 1."""
    return {
        "apiVersion": API_VERSION,
        "kind": "FleetDeployment",
        "metadata": {"name": name},
        "spec": {"jobName": "job", "type": "Rollback", "toVersion": 1, **spec},
    }


def version(name: str = "job-v1", /, **spec: Any) -> Object:
    """Version 1 of a job."""
    return {
        "apiVersion": API_VERSION,
        "kind": "JobVersion",
        "metadata": {"name": name},
        "spec": {
            "jobId": "u1",
            "version": 1,
            "jobSpec": {"type": "pipeline", "config": {"input": {"rate": 1}}},
            "workloadHash": "h1:0",
            **spec,
        },
    }


def execution(name: str = "job-abc-1", /, **spec: Any) -> Object:
    """Version 1 of a job on a node."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Execution",
        "metadata": {"name": name},
        "spec": {
            "jobId": "u1",
            "jobName": "job",
            "jobType": "pipeline",
            "jobVersion": 1,
            "nodeName": "node-1",
            "nodeUid": "u2",
            "rolloutWave": 0,
            "attempt": 1,
            "workloadHash": "h1:0",
            **spec,
        },
    }


def without(obj: Object, field: str) -> Object:
    """The object without a field of its spec."""
    return {**obj, "spec": {k: v for k, v in obj["spec"].items() if k != field}}


def patch(**spec: Any) -> Object:
    return {"spec": spec}


def affinity(**term: Any) -> Object:
    required = {"nodeSelectorTerms": [term]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}


def _requirement(key: str) -> list[Object]:
    return [{"key": key, "operator": "In", "values": ["node-1"]}]


def _expression(text: str) -> Object:
    return job(selector={"matchExpressions": [text]})


_FORMS: Final = "spec.selector.matchExpressions: write k=v, k==v, k!=v, k in (a,b), k notin (a,b)"
_MAIN: Final = "spec.template.spec.containers: type container needs a container named main"
_BIG: Final = {f"k{i}": "v" for i in range(33)}


def _job_rules() -> Iterator[Rule]:
    yield Rule("name length", job("a" * 40), job("a" * 41), "metadata.name: must be a DNS label")
    yield Rule("name form", job("a-1"), job("a.b"), "metadata.name: must be a DNS label")
    yield Rule("spec", job(), {**job(), "spec": None}, "spec")
    yield Rule("type", job(), without(job(), "type"), "spec.type: Required value")
    yield Rule("type values", container(), job(type="cron"), "spec.type: Unsupported value")
    yield Rule("unknown field", job(), job(secrets={}), 'unknown field "spec.secrets"')
    yield Rule(
        "pipeline config",
        job(),
        without(job(), "config"),
        "spec.config: is required for every type but container",
    )
    yield Rule("container template", container(), job(type="container"), _MAIN)
    yield Rule(
        "container main", container(), container({"containers": [{**MAIN, "name": "x"}]}), _MAIN
    )
    yield Rule("container image", container(), container({"containers": [{"name": "main"}]}), _MAIN)
    yield Rule(
        "container names",
        container({"containers": [MAIN, {"name": "side"}]}),
        container({"containers": [MAIN, MAIN]}),
        "spec.template.spec.containers[1]: Duplicate value",
    )
    yield Rule("config is an object", job(config={"a": 1}), job(config=[1]), "spec.config: Invalid")
    yield Rule(
        "description", job(description="x" * 1024), job(description="x" * 1025), "spec.description"
    )
    for field, low, high in (("priority", 0, 100),):
        for good, bad in ((low, low - 1), (high, high + 1)):
            yield Rule(f"{field} {bad}", job(**{field: good}), job(**{field: bad}), f"spec.{field}")
    yield Rule(
        "restartPolicy",
        job(restartPolicy="Always"),
        job(restartPolicy="on-failure"),
        "spec.restartPolicy: Unsupported value",
    )
    yield from _label_rules()
    yield from _selector_rules()
    yield from _template_rules()


def _label_rules() -> Iterator[Rule]:
    good = job(labels={"team": "a", "example.com/b": ""})
    yield Rule(
        "labels reserved",
        good,
        job(labels={"wavegate.dev/job": "x"}),
        "spec.labels: keys that begin with wavegate.dev/ are reserved",
    )
    yield Rule("labels keys", good, job(labels={"a b": "x"}), "spec.labels: each key must be")
    yield Rule(
        "labels long key", good, job(labels={"a" * 64: "x"}), "spec.labels: each key must be"
    )
    yield Rule("labels values", good, job(labels={"a": "-"}), "spec.labels.a: Invalid value")
    yield Rule("labels count", good, job(labels=_BIG), "spec.labels: Too many")
    meta = job(meta={"wavegate.dev/reserved": "may be", "any thing": "x" * 1024})
    yield Rule("meta keys", meta, job(meta={"k" * 318: "x"}), "spec.meta: each key must have")
    yield Rule("meta values", meta, job(meta={"k": "x" * 1025}), "spec.meta.k: Too long")
    yield Rule(
        "meta count", meta, job(meta={f"k{i}": "" for i in range(65)}), "spec.meta: Too many"
    )


def _selector_rules() -> Iterator[Rule]:
    labels = job(selector={"matchLabels": {"example.com/role": "edge"}})
    bad = job(selector={"matchLabels": {"a/b/c": "x"}})
    yield Rule("matchLabels keys", labels, bad, "spec.selector.matchLabels: each key must be")
    bad = job(selector={"matchLabels": {"a": "b c"}})
    yield Rule("matchLabels values", labels, bad, "spec.selector.matchLabels.a: Invalid value")
    bad = job(selector={"matchLabels": _BIG})
    yield Rule("matchLabels count", labels, bad, "spec.selector.matchLabels: Too many")
    for good, wrong in (
        ("k=v", "k=v=w"),
        ("k==v", "=v"),
        ("k!=v", "!k=v"),
        ("k in (a,b)", "k in a"),
        ("k notin (a, b)", "k within (a)"),
        ("k", "k l"),
        ("!example.com/k", "k>1"),
    ):
        yield Rule(f"expression {good}", _expression(good), _expression(wrong), _FORMS)
    yield Rule(
        "expression length",
        _expression("k" * 512),
        _expression("k" * 513),
        "spec.selector.matchExpressions[0]: Too long",
    )
    bad = job(selector={"matchExpressions": ["k"] * 33})
    yield Rule(
        "expression count", _expression("k"), bad, "spec.selector.matchExpressions: Too many"
    )
    ids = job(selector={"matchIds": ["a", "b"]})
    bad = job(selector={"matchIds": ["a", "a"]})
    yield Rule("matchIds twice", ids, bad, "spec.selector.matchIds[1]: Duplicate value")
    bad = job(selector={"matchIds": [f"n{i}" for i in range(1001)]})
    yield Rule("matchIds count", ids, bad, "spec.selector.matchIds: Too many")
    bad = job(selector={"matchIds": [""]})
    yield Rule("matchIds empty", ids, bad, "spec.selector.matchIds[0]")


def _template_rules() -> Iterator[Rule]:
    kept = container({"hostNetwork": True, "initContainers": [{"name": "a"}]})
    yield Rule(
        "template restartPolicy",
        kept,
        container({"restartPolicy": "Always"}),
        "spec.template.spec.restartPolicy: is not allowed; set spec.restartPolicy",
    )
    yield Rule(
        "template nodeName",
        container({"nodeSelector": {"a": "b"}}),
        container({"nodeName": "node-1"}),
        "spec.template.spec.nodeName: is not allowed",
    )
    yield Rule(
        "template affinity",
        container({"affinity": affinity(matchExpressions=_requirement("kubernetes.io/hostname"))}),
        container({"affinity": affinity(matchFields=_requirement("metadata.name"))}),
        "spec.template.spec.affinity: matchFields is not allowed",
    )
    overlay = job(template={"spec": {"affinity": affinity(matchFields=[])}})
    yield Rule(
        "overlay affinity",
        job(template={"spec": {"affinity": {"nodeAffinity": {}}}}),
        overlay,
        "spec.template.spec.affinity: matchFields is not allowed",
    )
    yield Rule(
        "template metadata",
        container(metadata={"labels": {"a": "b"}, "annotations": {"example.com/a": "b c"}}),
        container(metadata={"name": "x"}),
        'unknown field "spec.template.metadata.name"',
    )
    for kind in ("labels", "annotations"):
        path = f"spec.template.metadata.{kind}"
        good = container(metadata={kind: {"example.com/a": "b"}})
        bad = container(metadata={kind: {"wavegate.dev/a": "b"}})
        yield Rule(f"template reserved {kind}", good, bad, f"{path}: keys that begin with")
        bad = container(metadata={kind: {"a b": "c"}})
        yield Rule(f"template {kind} keys", good, bad, f"{path}: each key must be")


def _rollout_rules(kind: str) -> Iterator[Rule]:
    """Rules of a rollout section, which jobs and deployments share."""

    def of(**rollout: Any) -> Object:
        return job(rollout=rollout) if kind == "FleetJob" else deployment(rollout=rollout)

    def health(**check: Any) -> Object:
        return of(strategy="Rolling", healthCheck={**DEADLINE, **check})

    def rule(name: str, good: Object, bad: Object, says: str) -> Rule:
        return Rule(f"{kind} {name}", good, bad, f"spec.rollout.{says}")

    yield rule("strategy", of(strategy="Immediate"), of(strategy="canary"), "strategy: Unsupported")
    if kind == "FleetJob":
        says = "healthCheck.deadline: is required for the strategies Rolling and Canary"
        for strategy in ("Rolling", "Canary"):
            good = of(strategy=strategy, healthCheck=DEADLINE)
            yield rule(f"{strategy} health", good, of(strategy=strategy), says)
            yield rule(f"{strategy} deadline", good, of(strategy=strategy, healthCheck={}), says)
    else:
        says = "healthCheck.deadline: is required when healthCheck is given"
        yield rule("deadline", of(strategy="Rolling"), of(healthCheck={}), says)
    for field in ("maxParallel", "rollbackParallel"):
        for value, wrong in ((1, 0), ("1%", "0%"), ("100%", "101%"), (5000, "5"), ("10%", "010%")):
            yield rule(f"{field} {wrong}", of(**{field: value}), of(**{field: wrong}), field)
    for field, low, high in (
        ("canaryCount", 1, 2**31 - 1),
        ("canaryPercent", 1, 100),
        ("maxFailedNodes", 0, 2**31 - 1),
        ("maxFailedNodesPercent", 0, 100),
    ):
        yield rule(f"{field} low", of(**{field: low}), of(**{field: low - 1}), field)
        yield rule(f"{field} high", of(**{field: high}), of(**{field: high + 1}), field)
    yield from _health_rules(rule, health)
    yield from source_rules(rule, health)


def _health_rules(rule: Any, health: Any) -> Iterator[Rule]:
    interval = "healthCheck.interval: must be between 1s and 1h"
    yield rule("interval low", health(interval="1s"), health(interval="999ms"), interval)
    yield rule("interval high", health(interval="1h"), health(interval="61m"), interval)
    deadline = "healthCheck.deadline: must be longer than 0s and at most 24h"
    yield rule("deadline low", health(deadline="1ms"), health(deadline="0s"), deadline)
    yield rule("deadline high", health(deadline="24h"), health(deadline="24.1h"), deadline)
    healthy = "healthCheck.minHealthyTime: must be longer than 0s and at most 24h"
    good = health(minHealthyTime="24h")
    yield rule("minHealthyTime low", good, health(minHealthyTime="0s"), healthy)
    yield rule("minHealthyTime high", good, health(minHealthyTime="25h"), healthy)
    yield rule(
        "time xor threshold",
        health(minHealthyTime="1m"),
        health(minHealthyTime="1m", successThreshold=2),
        "healthCheck.minHealthyTime: give either minHealthyTime or successThreshold",
    )
    for field in ("successThreshold", "failureThreshold"):
        yield rule(
            f"{field} low", health(**{field: 1}), health(**{field: 0}), "healthCheck." + field
        )
        good, bad = health(**{field: 1000}), health(**{field: 1001})
        yield rule(f"{field} high", good, bad, "healthCheck." + field)
    rate = "healthCheck.maxErrorRate"
    yield rule("maxErrorRate low", health(maxErrorRate=0), health(maxErrorRate=-0.01), rate)
    yield rule("maxErrorRate high", health(maxErrorRate=1), health(maxErrorRate=1.01), rate)


def _deployment_rules() -> Iterator[Rule]:
    says = "metadata.name: must be a DNS label"
    operators = "metadata.name: JOB-vN is the name of the rollout that the operator makes"
    update = {"type": "Update", "toVersion": 3, "fromVersion": 2}
    for number, name in enumerate(("job-v3", "job-v30")):
        bad = deployment(name)
        yield Rule(f"the operator's name {number}", deployment(name, **update), bad, operators)
    for name in ("job-v", "job-v3a", "job-v3-again", "a-job-v3", "jo-v3", "v3"):
        yield Rule(f"{name} is free", deployment(name), deployment("job-v1"), operators)
    yield Rule("deployment name length", deployment("a" * 63), deployment("a" * 64), says)
    yield Rule("deployment name form", deployment("a-1"), deployment("a.b"), says)
    yield Rule(
        "toVersion of a rollback",
        deployment(toVersion=1),
        without(deployment(), "toVersion"),
        "spec.toVersion: is required for type Rollback",
    )
    yield Rule("toVersion low", deployment(), deployment(toVersion=0), "spec.toVersion: Invalid")
    yield Rule(
        "jobName", deployment(jobName="a" * 40), deployment(jobName="a" * 41), "spec.jobName: Too"
    )
    yield Rule(
        "jobName required",
        deployment(),
        without(deployment(), "jobName"),
        "spec.jobName: Required value",
    )
    yield Rule(
        "deployment type",
        deployment(type="Restart"),
        deployment(type="Undo"),
        "spec.type: Unsupported value",
    )
    stop = without(deployment(type="Stop"), "toVersion")
    for field, value in (
        ("toVersion", 1),
        ("rollout", {"maxParallel": 1}),
        ("paused", True),
        ("promoted", True),
    ):
        bad = {**stop, "spec": {**stop["spec"], field: value}}
        yield Rule(f"a Stop without {field}", stop, bad, f"spec.{field}: a Stop takes none")
    yield Rule(
        "no rollout.paused",
        deployment(paused=True),
        deployment(rollout={"paused": True}),
        'unknown field "spec.rollout.paused"',
    )


def _change_rules() -> Iterator[Rule]:
    yield Rule(
        "type is fixed",
        patch(suspend=True),
        {**patch(type="container"), "spec": container()["spec"]},
        "spec.type: cannot be changed",
        old=job("fixed"),
    )
    for obj in (job("fixed"), deployment("bare")):
        says, good = "spec: Required value", patch(paused=True)
        if obj["kind"] == "FleetJob":
            good = patch(suspend=True)
        yield Rule(f"{obj['kind']} keeps its spec", good, {"spec": None}, says, old=obj)
    old = deployment("fixed", fromVersion=2, rollout={"maxParallel": "10%"})
    for field, value in (
        ("jobName", "other"),
        ("type", "Update"),
        ("fromVersion", 3),
        ("toVersion", 2),
        ("rollout", {"maxParallel": 10}),
    ):
        says = f"spec.{field}: cannot be changed; only paused, promoted and canceled can"
        yield Rule(f"{field} is fixed", patch(paused=True), patch(**{field: value}), says, old=old)
    for field in ("fromVersion", "rollout"):
        says = f"spec.{field}: cannot be changed"
        good = patch(promoted=True, canceled=True)
        yield Rule(f"{field} stays", good, patch(**{field: None}), says, old=old)
    bare = deployment("bare")
    for field, value in (("fromVersion", 2), ("rollout", {"maxParallel": 1})):
        says = f"spec.{field}: cannot be changed"
        yield Rule(
            f"{field} comes late", patch(paused=True), patch(**{field: value}), says, old=bare
        )
    verbs = deployment("verbs", paused=True, promoted=True, canceled=True)
    for field in ("promoted", "canceled"):
        says = f"spec.{field}: cannot be taken back"
        for value in (False, None):
            bad = patch(**{field: value})
            yield Rule(f"{field} to {value}", patch(paused=False), bad, says, old=verbs)
    for obj, says in (
        (version("fixed-v1"), "spec: cannot be changed; a version is a snapshot"),
        (execution("fixed-abc-1"), "spec: cannot be changed; the next try is another execution"),
    ):
        kind = obj["kind"]
        label = {"metadata": {"labels": {"a": "b"}}}
        hashed = patch(workloadHash="h1:1")
        yield Rule(f"{kind} is fixed", label, hashed, says, old=obj)
        yield Rule(f"{kind} keeps its spec", label, {"spec": None}, "spec: Required", old=obj)
    deep = patch(jobSpec={"config": {"input": {"rate": 2}}})
    says = "spec: cannot be changed; a version is a snapshot"
    yield Rule("the snapshot is fixed", patch(version=1), deep, says, old=version("fixed-v1"))


RULES: Final[tuple[Rule, ...]] = (
    *_job_rules(),
    *_rollout_rules("FleetJob"),
    *_rollout_rules("FleetDeployment"),
    *_deployment_rules(),
    *_change_rules(),
)
