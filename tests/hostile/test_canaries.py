"""What was put into a secret place is seen where `canaries.PLACES` says so, and nowhere else."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from multidict import CIMultiDict
from yarl import URL

from hostile.canaries import MARK, PLACES, Place, by_source, job
from support.told import Stage, roles
from wavegate.domain.times import format_time
from wavegate.health.endpoint import Endpoint
from wavegate.kube.errors import error_of
from wavegate.kube.resources import CONFIG_MAPS, FLEET_JOBS, NODES, PODS
from wavegate.kube.transport import MERGE_PATCH
from wavegate.settings import Settings
from wavegate.simulation import cluster as simulated_cluster
from wavegate.simulation import fleet as simulated_fleet
from wavegate.simulation.cluster import NAMESPACE, SimulatedCluster
from wavegate.simulation.fates import CRASHES, FINE, Fate
from wavegate.simulation.fleet import Fleet
from wavegate.simulation.kinds import SERVED
from wavegate.simulation.loop import VirtualLoop
from wavegate.simulation.rights import Administrator
from wavegate.simulation.store import Change
from wavegate.simulation.transport import Request, Untroubled
from wavegate.telemetry.logs import JsonFormatter, PlainFormatter

USER: Final = Administrator("user")
SOURCE: Final = "http://prometheus.example:9090"
NODE_NAMES: Final = ("n00", "n01", "n02", "n03")


@dataclass(frozen=True)
class Answer:
    """What a server says."""

    body: str
    status: int = 200
    reason: str = "OK"
    headers: Mapping[str, str] = field(default_factory=dict)


GOOD: Final = Answer(
    f"# HELP errors {MARK['page-comment']}\n"
    f"# TYPE errors counter\n"
    f'errors{{key="{MARK["page-label"]}"}} 0\nrequests 100\n'
    f'other{{key="{MARK["page-other-counter"]}"}} 1\n',
    headers={"Content-Type": "text/plain; version=0.0.4", "Set-Cookie": MARK["page-header"]},
)
REFUSED: Final = Answer(
    f"cannot ?token={MARK['metrics-query']}: {MARK['refusal-body']}{' ' * 8}{'.' * 200}"
    f"{MARK['refusal-second-half']}",
    500,
    "Internal Server Error",
    {"WWW-Authenticate": MARK["refusal-header"]},
)
ELSEWHERE: Final = Answer("", 302, "Found", {"Location": f"/{MARK['redirect-location']}"})
NO_NUMBER: Final = Answer(f"errors {MARK['page-bad-value']}\nrequests 1\n")
BAD_PAGES: Final = dict(zip(NODE_NAMES, (REFUSED, ELSEWHERE, NO_NUMBER, REFUSED), strict=True))


class Web:
    """Everybody whom the operator asks for numbers. ``page``: by the node and the pod's image."""

    def __init__(self, fleet: Fleet, said: list[str]) -> None:
        self._fleet = fleet
        self._said = said
        self.page: Callable[[str, str], Answer] = lambda _node, _image: GOOD
        self.source: Callable[[str], Answer] = lambda _authorization: GOOD

    def get(self, url: URL, headers: Mapping[str, str], **_: Any) -> _Response:
        if str(url).startswith(SOURCE):
            self._said.append(headers["Authorization"])
            return self._answered(self.source(headers["Authorization"]))
        pod = next(each for each in self._fleet._pods() if _address(each) == url.host)
        image = pod["spec"]["containers"][0]["image"]
        return self._answered(self.page(pod["spec"]["nodeName"], image))

    def _answered(self, answer: Answer) -> _Response:
        self._said.append(str(answer))
        return _Response(answer)


def _address(pod: dict[str, Any]) -> str:
    return str((pod.get("status") or {}).get("podIP"))


class _Response:
    def __init__(self, answer: Answer) -> None:
        self.status, self.reason = answer.status, answer.reason
        self.headers = CIMultiDict(answer.headers)
        self._body = answer.body.encode()
        self.content = self

    async def __aenter__(self) -> _Response:
        await asyncio.sleep(0.002)
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def iter_any(self) -> AsyncIterator[bytes]:
        yield self._body


class Seen:
    """All that the cluster stores and the operator prints, by where it is seen."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = defaultdict(list)
        self.said: list[str] = []
        """What passed between the operator and those whom it asks for numbers."""

    def stored(self, change: Change) -> None:
        if not change.new:
            return
        kind = change.kind.resource.kind
        for part, content in change.document.items():
            text = json.dumps(content)
            self.texts["event" if kind == "Event" else f"{kind}.{part}"].append(text)

    @contextmanager
    def log(self) -> Iterator[None]:
        """All lines of all loggers meanwhile, as both formats print them."""
        handler, root = _Lines(self.texts["log"]), logging.getLogger()
        levels = {name: logging.getLogger(name).level for name in ("", "wavegate")}
        root.addHandler(handler)
        for name in levels:
            logging.getLogger(name).setLevel(logging.DEBUG)
        try:
            yield
        finally:
            root.removeHandler(handler)
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)

    def where(self, place: Place) -> set[str]:
        return {at for at, texts in self.texts.items() if any(place.marker in t for t in texts)}


class _Lines(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines += [each.format(record) for each in (JsonFormatter(), PlainFormatter())]


@dataclass
class Scene:
    """A simulated cluster in which something happens."""

    stage: Stage
    web: Web

    def give(self, image: str, fate: Fate) -> None:
        self.stage.cluster.fleet.fate = lambda _node, has: fate if has == image else FINE

    async def begin(self) -> None:
        """Version 1 runs, among objects of others that have their own secrets."""
        cluster = self.stage.cluster
        for path, change in (
            (NODES.object(None, "n00"), {"annotations": {"note": MARK["node-annotation"]}}),
            (NODES.object(None, "n00"), {"labels": {"note": MARK["node-label"]}}),
        ):
            body = {"metadata": change}
            cluster.server.request(USER, "PATCH", path, body=body, content_type=MERGE_PATCH)
        annotations = {"note": MARK["pod-annotation-of-others"]}
        containers = [{"name": "main", "image": "x"}]
        self._create(
            PODS.collection(NAMESPACE),
            apiVersion="v1",
            kind="Pod",
            metadata={"name": "other", "annotations": annotations},
            spec={"nodeName": "n00", "containers": containers},
        )
        self._create(
            CONFIG_MAPS.collection(NAMESPACE),
            apiVersion="v1",
            kind="ConfigMap",
            metadata={"name": "other"},
            data={"note": MARK["config-map-of-others"]},
        )
        self._create(
            FLEET_JOBS.collection(NAMESPACE),
            apiVersion=FLEET_JOBS.api_version,
            kind=FLEET_JOBS.kind,
            metadata={"name": "app", "annotations": {"note": MARK["job-annotation"]}},
            spec=job("app:1"),
        )
        await self.stage.ended("app-v1")

    def _create(self, path: str, **body: Any) -> None:
        self.stage.cluster.server.request(USER, "POST", path, body=body)


async def it_goes_well(scene: Scene) -> None:
    await scene.begin()
    scene.stage.cluster.apply("app", job("app:2"))
    await scene.stage.ended("app-v2")


async def the_new_version_crashes(scene: Scene) -> None:
    await scene.begin()
    scene.give("app:2", CRASHES)
    scene.stage.cluster.apply("app", job("app:2"))
    await scene.stage.says("RolledBack")


async def the_new_version_cannot_be_read(scene: Scene) -> None:
    await scene.begin()
    scene.web.page = lambda node, image: BAD_PAGES[node] if image == "app:2" else GOOD
    scene.stage.cluster.apply("app", job("app:2", maxParallel=1, maxFailedNodes=3, **_TOLERANT))
    await scene.stage.until(
        "it ended", lambda: scene.stage.deployment("app-v2").get("state") in ("Failed", "Completed")
    )


_TOLERANT: Final = {"maxFailedNodesPercent": 100, "noAutoRollback": True}


async def nothing_can_be_read(scene: Scene) -> None:
    scene.web.page = lambda node, _image: BAD_PAGES[node]
    scene.stage.cluster.apply("app", job("app:1"))
    await scene.stage.says("MetricsUnreadable")
    await scene.stage.ended("app-v1", "Failed")


def _vector(node: str) -> Answer:
    sample = {"metric": {"node": node, "note": MARK["source-other-node"]}, "value": [0, "1"]}
    return Answer(json.dumps({"data": {"resultType": "vector", "result": [sample]}}))


async def the_source_sends_back_what_it_was_sent(scene: Scene) -> None:
    scene.web.source = lambda authorization: Answer(
        f"{MARK['source-refusal']}: not allowed: {authorization}", 403, "Forbidden"
    )
    scene.stage.cluster.apply("app", by_source("app:1"))
    await scene.stage.says("MetricsUnreadable")
    await scene.stage.ended("app-v1", "Failed")


async def the_source_knows_other_nodes_only(scene: Scene) -> None:
    scene.web.source = lambda _authorization: _vector("elsewhere")
    scene.stage.cluster.apply("app", by_source("app:1"))
    await scene.stage.says("MetricsUnreadable")


class Policy(Untroubled):
    """An admission that refuses pods of a version, also in a dry run."""

    async def sending(self, request: Request) -> None:
        if request.method == "POST" and request.path.endswith("/pods"):
            image = request.body["spec"]["containers"][0]["image"]
            if image == "app:2":
                message = f"the policy says {MARK['refused-template']}"
                raise error_of(403, {"reason": "Forbidden", "message": message})


async def the_template_is_refused(scene: Scene) -> None:
    await scene.begin()
    scene.stage.cluster.living[0].transport.trouble = Policy()
    scene.stage.cluster.apply("app", job("app:2"))
    await scene.stage.says("TemplateRefused")


SCENES: Final = (
    it_goes_well,
    the_new_version_crashes,
    the_new_version_cannot_be_read,
    nothing_can_be_read,
    the_source_sends_back_what_it_was_sent,
    the_source_knows_other_nodes_only,
    the_template_is_refused,
)


def _play(play: Callable[[Scene], Awaitable[None]], settings: Settings, seen: Seen) -> None:
    webs: list[Web] = []

    def session(fleet: Fleet) -> Web:
        webs.append(Web(fleet, seen.said))
        return webs[-1]

    async def run() -> None:
        cluster = SimulatedCluster(roles(), settings=settings)
        cluster.server.store.listeners.append(seen.stored)
        for name in NODE_NAMES:
            cluster.fleet.add(name)
        cluster.keep_running()
        await asyncio.sleep(1)
        try:
            await play(Scene(Stage(cluster), webs[0]))
            await asyncio.sleep(30)  # events follow what they tell of
            for process in cluster.living:
                seen.texts["metrics"].append(process.operator.metrics.render().decode())
        finally:
            await cluster.close()

    with pytest.MonkeyPatch.context() as patch, asyncio.Runner(loop_factory=VirtualLoop) as runner:
        patch.setattr(simulated_cluster, "CountersSession", session)
        patch.setattr(simulated_fleet, "_terminated", _terminated)
        runner.run(run())


def _terminated(code: int, reason: str, _message: str, now: float) -> dict[str, Any]:
    words = f"error: {MARK['earlier-words']}\nerror: {MARK['last-words']}\n"
    return {"exitCode": code, "reason": reason, "message": words, "finishedAt": format_time(now)}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What is to be seen once all scenes were played."""
    token: Path = tmp_path_factory.mktemp("source") / "token"
    token.write_text(MARK["source-token"])
    settings = Settings(identity="", prometheus={"fleet": Endpoint(SOURCE, str(token))})
    everything = Seen()
    with everything.log():
        for play in SCENES:
            _play(play, settings, everything)
    return everything


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_it_is_seen_where_it_may_be_and_nowhere_else(place: Place, seen: Seen) -> None:
    assert seen.where(place) == set(place.seen), place.why


def test_there_is_something_to_be_seen(seen: Seen) -> None:
    """What is nowhere seen was known to the operator, and where it looks for it is not empty."""
    unseen = [each for each in PLACES if not each.seen]
    assert all(any(each.marker in said for said in seen.said) for each in unseen)
    assert {"log", "event", "metrics", "FleetJob.status", "Lease.spec"} <= seen.texts.keys()
    assert any("wavegate_" in each for each in seen.texts["metrics"])
    assert any('"level": "DEBUG"' in each for each in seen.texts["log"])
    assert SERVED.keys() >= {at.partition(".")[0] for at in seen.texts if "." in at}
