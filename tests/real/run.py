"""Runs one fault plan with real processes on the real API server, and asks the oracles about it."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import wavelab
from faults.ends import end_state
from faults.plans import Plan
from real.history import KINDS, History, Replay
from real.proxy import Passed
from real.replicas import LEASES, Replicas
from real.rollouts import BAD, ENDS, PLACES, SCRIPTS, Scene
from real.strangers import Strangers
from real.troubles import Troubles
from real.writes import foreign
from support.campaign import digest
from support.space import Space

QUIET: Final = 3.0
"""Seconds for which nothing may be written after a run has settled."""

SETTLES: Final = 60.0
TAKE_OVER: Final = 17.0
"""Seconds after which another leads at the latest, once the leader stands still."""

KEPT: Final = 4000
"""Characters of each process's log that are told of a run that went wrong."""


@dataclass
class Result:
    """What became of a run. ``wrong``: what an oracle found; empty where all is well."""

    plan: Plan
    wrong: str = ""
    end: Mapping[str, Any] = field(default_factory=dict)
    happened: list[str] = field(default_factory=list)
    story: str = ""
    seconds: float = 0.0
    states: int = 0
    writes: int = 0
    restarts: int = 0
    take_over: float | None = None
    late: list[Passed] = field(default_factory=list)
    """Late writes of a former leader."""
    in_flight: int = 0


def run(plan: Plan, cluster: wavelab.Cluster) -> Result:
    """Run a plan to its end, or to the first thing that is wrong."""
    space = Space(cluster.client(), f"real-{digest(str(plan)) % 16**8:08x}")
    directory = Path(tempfile.mkdtemp(prefix="wavegate-real-"))
    number = 2 if any(fault.startswith("L1") for _, fault in plan.faults) else 1
    result, troubles, begun = Result(plan), Troubles(plan), time.monotonic()
    replicas = Replicas(cluster, space, troubles, directory, number)
    try:
        _play(plan, space, replicas, result, _nodes(space))
    except AssertionError as error:
        result.wrong = str(error) or repr(error)
        result.story = _story(replicas)
    finally:
        replicas.close()
        space.client.delete(f"/api/v1/namespaces/{space.name}")
        space.client.delete(f"{LEASES}/{space.name}")
        shutil.rmtree(directory)
    result.happened, result.writes = troubles.happened, troubles.writes
    result.restarts, result.take_over = replicas.restarts, replicas.take_over
    result.seconds = time.monotonic() - begun
    return result


def _play(
    plan: Plan, space: Space, replicas: Replicas, result: Result, nodes: list[dict[str, Any]]
) -> None:
    strangers = Strangers(space)
    with History(space, strangers.has) as history:
        scene = Scene(space, history, replicas)
        replicas.start()
        SCRIPTS[plan.rollout](scene)
        result.end = _settled(scene, plan)
        _quiet(scene, history)
        replicas.settle()
        _judge_late(replicas, result)
        late = [each.body["metadata"]["name"] for each in result.late if each.method == "POST"]
        replay = Replay(nodes, bad=BAD, places=PLACES, launches=replicas.launches(), late=late)
        replay.read(history.events())
        result.states = replay.states
        strange = [str(each) for each in replicas.requests() if foreign(each)]
        assert not strange, f"writes of what is not ours: {strange}"
        assert not (touched := strangers.touched()), f"touched: {touched}"
        space.delete("FleetJob", "app")
        scene.until("nothing is left over", lambda: not any(map(history.list, KINDS)))
        assert not (left := strangers.leftovers()), f"left over: {left}"
        assert not (touched := strangers.touched()), f"touched: {touched}"


def _settled(scene: Scene, plan: Plan) -> dict[str, Any]:
    """The end; raises where it is not that of a run without faults."""
    wanted, deadline = ENDS[plan.rollout], time.monotonic() + SETTLES
    while (end := end_state(scene.seen)) != wanted:
        scene.replicas.tend()
        assert time.monotonic() < deadline, (
            f"another end:\n{_difference(wanted, end)}\n{scene.space.story()}"
        )
        time.sleep(0.2)
    return end


def _quiet(scene: Scene, history: History) -> None:
    """Nobody writes anything of the job for a while."""
    before, until = history.revisions(), time.monotonic() + QUIET
    while time.monotonic() < until:
        scene.replicas.tend()
        time.sleep(0.2)
    changed = before.items() ^ history.revisions().items()
    assert not changed, f"not quiet: {changed}\n{scene.space.story()}"


def _judge_late(replicas: Replicas, result: Result) -> None:
    """9. What a former leader writes late is refused, or is a create that was in flight.

    Where it was held up on its way for longer than the Lease, an object that nobody has written
    since cannot tell: that is borne of a version's copy of its job's status, which no rule reads.
    """
    if replicas.take_over is None:
        return
    assert replicas.take_over <= TAKE_OVER, f"take-over after {replicas.take_over:.1f} s"
    result.in_flight = len(replicas.in_flight())
    result.late = replicas.late
    accepted = [each for each in replicas.late if each.accepted]
    held = any(fault == "L1-held" for _, fault in result.plan.faults)
    wrong = [
        str(each)
        for each in accepted
        if each.method != "POST" and not (held and _copies_the_job_s_status(each))
    ]
    assert not wrong, f"late writes were accepted: {wrong}"
    told = [str(each) for each in accepted]
    assert len(accepted) <= result.in_flight, f"{told}, but {result.in_flight} were in flight"


def _copies_the_job_s_status(passed: Passed) -> bool:
    is_of_version = "/jobversions/" in passed.path and passed.path.endswith("/status")
    return is_of_version and set(passed.body["status"]) == {"job"}


def _nodes(space: Space) -> list[dict[str, Any]]:
    return list(space.client.get("/api/v1/nodes")["items"])


def _difference(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    return "\n".join(
        f"  {name}:\n    {wanted.get(name)}\n    {found[name]}"
        for name in found
        if wanted.get(name) != found[name]
    )


def _story(replicas: Replicas) -> str:
    logs = [each.process.log_file for each in replicas.all]
    told = [
        f"{log.name}:\n{log.read_text(errors='replace')[-KEPT:]}" for log in logs if log.exists()
    ]
    return "\n".join(told)
