"""Stories of which reports are made, and how a report is asked for."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from sim.world import spec
from support.told import Played, Stage, Told
from unit.cli import stories
from wavegate.cli.reading import sight_of
from wavegate.cli.report.document import document as document_of
from wavegate.cli.report.history import choose, report_of
from wavegate.cli.report.marks import with_marks

Document = dict[str, Any]


async def promoted(stage: Stage) -> None:
    """A person lets the gate wait for 40 s."""
    await stories.awaits_promotion(stage)
    await asyncio.sleep(40)
    stage.cluster.patch("FleetDeployment", "app-v2", {"spec": {"promoted": True}})
    await stage.ended("app-v2")
    await asyncio.sleep(60)


async def judges(stage: Stage) -> str:
    """The canary of version 2 is judged; the name of its node."""
    await stage.install()
    stage.cluster.apply("app", spec("app:2"))

    def judged() -> list[Document]:
        return [
            each
            for each in stage.cluster.list("Execution")
            if each["spec"]["deploymentName"] == "app-v2"
            and each["status"].get("observedState", {}).get("stateType") == "Validating"
        ]

    await stage.until("a canary is judged", judged)
    return str(judged()[0]["spec"]["nodeName"])


async def drained(stage: Stage) -> None:
    """The canary's node is drained while it is judged, and stays cordoned."""
    node = await judges(stage)
    stage.cluster.fleet.cordon(node)
    for pod in stage.cluster.list("Pod"):
        if pod["spec"].get("nodeName") == node:
            stage.cluster.delete("Pod", pod["metadata"]["name"])
    await stage.ended("app-v2")
    await asyncio.sleep(20)


async def twice_updated(stage: Stage) -> None:
    await stage.install()
    for number in (2, 3):
        stage.cluster.apply("app", spec(f"app:{number}", strategy="Rolling", maxParallel="100%"))
        await stage.ended(f"app-v{number}")
        await asyncio.sleep(30)


def reported(told: Played, *arguments: str) -> Document:
    answer: Told = told("report", "app", "-o", "json", *arguments)
    assert answer.code == 0, answer.err
    document: Document = json.loads(answer.out)
    return document


def documented(told: Played, executions: list[Document]) -> Document:
    """What is told where only these executions are left."""
    sight = sight_of([told.list("FleetJob"), told.list("FleetDeployment"), executions])
    assert sight is not None
    chosen = choose(sight, None)
    return document_of(with_marks(report_of(sight, chosen, told.now), chosen, []))


def marks(document: Document) -> list[str]:
    """Kinds of decisions, oldest first; those of single nodes with the node."""
    return [f"{each['kind']} {each['node']}".strip() for each in document["marks"]]


def states(node: Document) -> list[str]:
    return [f"v{each['version']} {each['state']}" for each in node["segments"]]


def of(told: Played, kind: str, name: str) -> Document:
    found = told.get(kind, name)
    assert found is not None
    return found
