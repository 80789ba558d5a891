"""What is done with operations in the simulation: the whole operator, virtual time.

| run | what is done |
| --- | --- |
| back | S0, S1 (one field of it changed), S0 again: it ends as after the first S0 (`_after`) |
| birth | a job is made as the operation says |
| deployment | two versions, then a user's deployment, or a change of one in mid-rollout |
| stranger | somebody makes a record that is the operator's to make, and it is left alone |
| sequence | five operations, one after the other, on one job |
| check | nothing: of a change of a job the same as there and back |

A change that does not touch the pod leaves the very same pods and executions. At the end of each
run stand the oracles of `stage`.

An operation is first asked of the simulated server and of ``wavegate lint``; one that is refused
has its end there.

The text of a run repeats it: ``back create canary spec.labels.team: longest``, ``sequence 17``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from generated.answers import Answer, SimulatedServer, linted
from generated.bases import BASES, DEPLOYMENTS, JOBS, RECORDS, Object
from generated.operations import Operation, all_operations, parse_operation, replaced, schema_of
from generated.sequences import play
from generated.stage import Stage, Wrong
from wavegate.simulation.loop import VirtualLoop

SEQUENCES: Final = 400

POD: Final = (
    *("spec.type", "spec.config", "spec.labels", "spec.restartPolicy", "spec.template"),
    "spec.timeouts.execution",
)
"""What reaches a node: a change restarts its pods."""

WHERE: Final = ("spec.selector", "spec.suspend", "spec.timeouts.total")
"""What ends pods, or begins them, without changing them."""

NO_VERSION: Final = (
    *("spec.description", "spec.priority", "spec.revisionHistoryLimit", "spec.suspend"),
    *("spec.rollout.paused", "spec.meta.wavegate.dev/note"),
)
"""What may be changed without a new version."""


@dataclass(frozen=True)
class Outcome:
    """What became of a run. ``wrong``: what an oracle found; empty where all is well."""

    run: str
    wrong: str = ""
    refused: bool = False
    story: str = ""
    hours: float = 0.0
    """Virtual hours."""


def single(operation: Operation, answer: Answer) -> str:
    """What is wrong with how an operation is answered without a cluster; empty for nothing."""
    if answer.refused and not answer.names(operation):
        return f"refused, and another field is named: {answer.says}"
    if operation.verb == "create":
        said = linted(operation)
        if said.refused != answer.refused:
            return f"wavegate lint says {said.says}, the servers {answer.says}"
        if not said.agrees_with(answer):
            return f"wavegate lint names {set(said.fields)}, the servers {set(answer.fields)}"
    return ""


def all_runs() -> Iterator[str]:
    """Every run, as text: what is done with each operation, and the sequences."""
    yield from (f"{_how(operation)} {operation}" for operation in all_operations())
    yield from (f"sequence {seed}" for seed in range(SEQUENCES))


def _how(operation: Operation) -> str:
    """What is done with an operation once it was accepted."""
    if operation.base in DEPLOYMENTS:
        return "deployment"
    if operation.verb == "change":
        return "check"  # of a job the same as there and back; of a record nothing changes
    if operation.base in RECORDS:
        return "stranger"
    is_fixed = operation.path[0] == "metadata" or operation.path == ("spec", "type")
    return "birth" if is_fixed else "back"


def run(text: str) -> Outcome:
    """Carry out a run; ValueError where the text means none."""
    how, _, what = text.partition(" ")
    if how not in (*_WAYS, "check", "sequence"):
        raise ValueError(f"no run is {text!r}")
    operation = parse_operation(what) if how != "sequence" else None
    if operation is not None:
        answer = _server().answer(operation)
        wrong = single(operation, answer)
        if wrong or answer.refused or how == "check":
            return Outcome(text, wrong, answer.refused)
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_run(text, operation))


@cache
def _server() -> SimulatedServer:
    return SimulatedServer()


async def _run(text: str, operation: Operation | None) -> Outcome:
    how, _, what = text.partition(" ")
    stage = Stage()
    wrong = ""
    try:
        if operation is None:
            await play(stage, int(what))
        else:
            await _WAYS[how](stage, operation)
        await stage.quiet_hour()
        stage.judge()
    except AssertionError as error:
        wrong = str(error) or repr(error)
    story, hours = stage.story() if wrong else "", stage.cluster.loop.time() / 3600
    await stage.close()
    return Outcome(text, wrong, story=story, hours=hours)


async def _there_and_back(stage: Stage, operation: Operation) -> None:
    first, changed = BASES[operation.base], operation.document()
    await _made(stage, first)
    end, kept = stage.end(), _what_runs(stage)
    same_pods = stage.is_well() and not operation.touches(*POD, *WHERE)
    assert stage.send(changed)
    await stage.settle()
    stage.judge()
    if same_pods and _what_runs(stage) != kept:
        raise Wrong(f"it does not touch the pod, and {_difference(kept, _what_runs(stage))}")
    end = _after(stage.end(), end)
    number = stage.status().get("version")
    if operation.is_within(*NO_VERSION) and number != 1:
        raise Wrong(f"it is to make no version, and there is version {number}")
    assert stage.send(first)
    await stage.settle()
    stage.judge()
    if stage.end() != end:
        raise Wrong(f"back again it is\n    {stage.end()}\nand was\n    {end}")
    if same_pods and _what_runs(stage) != kept:
        raise Wrong(f"back again {_difference(kept, _what_runs(stage))}")


def _after(changed: dict[str, Any], first: dict[str, Any]) -> dict[str, Any]:
    """How S0 ends after S1, where it was ``first`` before and S1 ended as ``changed``: the same.

    But of an S0 that is blocked before it has begun anywhere, what S1 has brought runs on. Where
    it is wanted is its own.
    """
    conditions = first["conditions"]
    if first["pods"] or "Stalled" not in conditions:
        return first
    available = {"Available": changed["conditions"]["Available"]}
    wanted = {"desired": first["nodes"]["desired"]} if first["nodes"] else {}
    return {
        **first,
        "conditions": {**conditions, **available},
        "nodes": changed["nodes"] and {**changed["nodes"], **wanted},
        "pods": changed["pods"],
    }


def _what_runs(stage: Stage) -> dict[str, set[str]]:
    return {kind: stage.uids(kind) for kind in ("Pod", "Execution")}


def _difference(before: dict[str, set[str]], after: dict[str, set[str]]) -> str:
    counts = (
        f"{len(after[kind] - before[kind])} {kind}s were made, {len(before[kind] - after[kind])}"
        " are gone"
        for kind in before
    )
    return ", ".join(counts)


async def _birth(stage: Stage, operation: Operation) -> None:
    await _made(stage, operation.document())


async def _made(stage: Stage, document: Object) -> None:
    assert stage.send(document)
    await stage.settle()
    stage.judge()


def _second(first: Object) -> Object:
    """The job's next version: another image."""
    image = ("spec", "template", "spec", "containers", 0, "image")
    return replaced(first, image, "app:2", schema_of("FleetJob"))


async def _deployment(stage: Stage, operation: Operation) -> None:
    """Of ``create``, once both versions are stable; of ``change``, 3 s after the base was made."""
    await _made(stage, JOBS["canary"])
    await _made(stage, _second(JOBS["canary"]))
    if operation.verb == "change":
        assert stage.send(BASES[operation.base])
        await asyncio.sleep(3.0)
    before: Any = _what_runs(stage)
    assert stage.send(operation.document())
    await stage.settle()
    made = operation.document()
    status = (stage.cluster.get("FleetDeployment", made["metadata"]["name"]) or {}).get(
        "status", {}
    )
    refused = status.get("state") == "Failed" and "acceptedAt" not in status
    if refused and _what_runs(stage) != before:
        raise Wrong(f"it was refused, and {_difference(before, _what_runs(stage))}")


async def _stranger(stage: Stage, operation: Operation) -> None:
    document = operation.document()
    await _made(stage, JOBS["rolling"])
    before = stage.end()
    kind, name = document["kind"], document["metadata"]["name"]
    if stage.cluster.get(kind, name) is not None:
        assert not stage.send(document), "it is the operator's own, and nobody may change it"
        return
    assert stage.send(document)
    made = stage.cluster.get(kind, name)
    await _made(stage, _second(JOBS["rolling"]))
    if stage.cluster.get(kind, name) != made:
        raise Wrong(f"{kind} {name} is not the operator's, and was touched")
    ended = stage.end()
    images = {node: ("app:2", ready) for node, (_, ready) in before["pods"].items()}
    if ended != {**before, "pods": images}:
        raise Wrong(f"it was\n    {before}\nand with a stranger's {kind} it is\n    {ended}")


_WAYS: Final = {
    "back": _there_and_back,
    "birth": _birth,
    "deployment": _deployment,
    "stranger": _stranger,
}
