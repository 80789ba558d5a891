"""Whose logs are read, and how a line tells its node."""

from __future__ import annotations

import json

import pytest

from sim.world import spec
from support.told import Played, Stage, play


async def at_the_gate(stage: Stage) -> None:
    await stage.install()
    stage.cluster.apply("app", spec("app:2", autoPromote=False))
    await stage.says("AwaitingPromotion")


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Played:
    """Three nodes run v1 and the canary v2; each pod has said two things."""
    told = play(at_the_gate, monkeypatch)
    told.logs = {
        pod["metadata"]["name"]: f"{pod['spec']['nodeName']} one\nand two\n".encode()
        for pod in told.list("Pod")
    }
    return told


def canary(told: Played) -> str:
    tree = json.loads(told("get", "app", "-o", "json").out)
    return str(tree["waves"][0]["nodes"][0]["node"])


def test_all_nodes_that_run_the_job_one_after_the_other(gate: Played) -> None:
    told = gate("logs", "app")
    assert (told.code, told.err) == (0, "")
    expected = [line for n in range(4) for line in (f"n0{n} n0{n} one", f"n0{n} and two")]
    assert told.out.splitlines() == expected


def test_one_wave_or_one_node_and_the_last_lines_alone(gate: Played) -> None:
    node = canary(gate)
    assert gate("logs", "app", "--wave", "1").out == f"{node} {node} one\n{node} and two\n"
    assert gate("logs", "app", "--node", "n01", "--tail", "1").out == "n01 and two\n"
    followed = gate("logs", "app", "-f").out.splitlines()
    assert sorted(followed) == sorted(gate("logs", "app").out.splitlines())


def test_what_cannot_be_read_is_said_and_the_rest_is_printed(gate: Played) -> None:
    node = canary(gate)
    gate.logs = {
        pod["metadata"]["name"]: b"here\n"
        for pod in gate.list("Pod")
        if pod["spec"]["nodeName"] != node
    }
    told = gate("logs", "app")
    assert told.code == 0
    assert told.err == f"{node}: container main waits to start\n"
    assert len(told.out.splitlines()) == 3
    none = gate("logs", "app", "--node", node)
    assert none.code == 2
    assert none.err.endswith("error: no log could be read\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--wave", "7"), "no pod in wave 7; waves with nodes: 1"),
        (("--node", "far"), "FleetJob app has no pod on far"),
    ],
)
def test_nobody_to_read_is_an_error(gate: Played, arguments: tuple[str, ...], words: str) -> None:
    told = gate("logs", "app", *arguments)
    assert (told.code, told.out) == (2, "")
    assert words in told.err
