"""The operator ends in mid-rollout and is started again: how soon it goes on.

Twice in one rollout: killed, where its successor has to wait until the Lease has run out; and told
to end, where the Lease is given up. Two executions of each node are on record. The first right
action is the first write of an Execution or Pod: a node is taken, its old pod is stopped, its new
one made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bench import machine
from bench.api import Api
from bench.audit import Request, writes
from bench.contenders import EXECUTIONS, ready_on, rolling
from bench.errors import BenchError
from bench.lab import RAISED, USER, Lab, Operator
from bench.scenarios.fleet import NAME, ONE_WAVE, Fleet
from wavegate.api.names import LABEL_VERSION

KILLED_AT: Final = 0.15
ENDED_AT: Final = 0.45
"""Of the nodes, so many have been taken: half of a wave."""


async def measure(lab: Lab, nodes: int) -> dict[str, Any]:
    """Seconds from each start to the first right action, and to leading."""
    fleet = Fleet(lab.api)
    async with lab.operator(RAISED) as operator:
        await fleet.create()
        await fleet.change(ONE_WAVE)
        await fleet.ends("Completed")
        await fleet.change(rolling())
        await _taken(lab.api, fleet.version, KILLED_AT * nodes)
        await operator.kill()
    records = await lab.api.count(EXECUTIONS)
    lab.say(f"killed, with {records} executions on record")
    async with lab.operator(RAISED) as second:
        waited = {"killed": _waited(second)}
        await _taken(lab.api, fleet.version, ENDED_AT * nodes)
        await second.end()
    lab.say("ended")
    async with lab.operator(RAISED) as third:
        waited["ended"] = _waited(third)
        await fleet.ends("Completed")
        peak = machine.peak_mib(third.pid)
    found = await ready_on(lab.api)
    if sum(image == f"app:{fleet.version}" for image in found.values()) != nodes:
        raise BenchError(f"{NAME} does not run version {fleet.version} on all nodes")
    requests = await lab.requests(second.born)
    starts = {"killed": second, "ended": third}
    return {
        "nodes": nodes,
        "executions": records,
        "seconds_to_lead": waited,
        "seconds": {
            how: first_action(requests, operator.born) - operator.born
            for how, operator in starts.items()
        },
        "peak_mib": {"operator": peak},
    }


def first_action(requests: Sequence[Request], born: float) -> float:
    """When the first write of an Execution or Pod came from an operator started at ``born``."""
    acted = writes(requests, USER, "executions", "executions/status", "pods")
    return min(request.received for request in acted if request.received >= born)


def _waited(operator: Operator) -> float:
    """Seconds until it led and knew everything."""
    return operator.led - operator.born


async def _taken(api: Api, version: int, nodes: float) -> None:
    """Wait until the version has been given to so many nodes."""
    # Without a resourceVersion a watch begins with all that there is.
    only = f"labelSelector={LABEL_VERSION}%3D{version}"
    count = 0
    async for event in api.watch(EXECUTIONS, only):
        count += event["type"] == "ADDED"
        if count >= nodes:
            return
