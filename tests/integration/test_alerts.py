"""Alerts and dashboards on a real Prometheus that scrapes the real operator.

The rules are the chart's, their minutes and hours made seconds.
"""

from __future__ import annotations

import json
import math
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import wavelab
from support.alerts import RULES_FILE, Query, metrics_in, queries, rules, shortened
from support.jobs import container
from support.operator_process import OperatorProcess
from support.rollouts import awaits, settled_on
from support.space import Space

pytestmark = [pytest.mark.cluster, pytest.mark.alone]

SCRAPE = "500ms"
PATIENCE = 90.0


class Scraped:
    """A Prometheus that scrapes the operator, wherever its metrics are after a restart."""

    def __init__(self, cluster: wavelab.Cluster, directory: Path) -> None:
        self._targets = directory / "targets.json"
        self._targets.write_text("[]")
        alerts = directory / "alerts.yaml"
        alerts.write_text(shortened(RULES_FILE.read_text()))
        every = {"scrape_interval": SCRAPE, "scrape_timeout": SCRAPE, "evaluation_interval": SCRAPE}
        found = {"files": [str(self._targets)], "refresh_interval": "1s"}
        self._address = cluster.start_prometheus(
            {
                "global": every,
                "rule_files": [str(alerts)],
                "scrape_configs": [{"job_name": "wavegate-metrics", "file_sd_configs": [found]}],
            }
        )

    def scrape(self, operator: OperatorProcess) -> None:
        """Scrape this process from now on."""
        address = urllib.parse.urlsplit(operator.metrics_url()).netloc
        self._targets.write_text(json.dumps([{"targets": [address]}]))

    def ask(self, path: str, **parameters: str) -> Any:
        url = f"{self._address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]

    def value_of(self, expr: str) -> list[tuple[dict[str, str], float]]:
        """The samples of a query now that are numbers."""
        found = self.ask("query", query=expr)["result"]
        samples = [(each["metric"], float(each["value"][1])) for each in found]
        return [each for each in samples if not math.isnan(each[1])]

    def firing(self) -> dict[str, list[dict[str, str]]]:
        """Labels of the alerts that fire, by name."""
        fired: dict[str, list[dict[str, str]]] = {}
        for each in self.ask("alerts")["alerts"]:
            if each["state"] == "firing":
                fired.setdefault(each["labels"]["alertname"], []).append(each["labels"])
        return fired

    def wait(
        self, what: str, holds: Callable[[], object], why: Callable[[], str] | None = None
    ) -> None:
        """Until it holds; AssertionError with what fires, or with ``why`` not."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            said = why or (lambda: f"firing: {self.firing()}")
            assert time.monotonic() < deadline, f"never came true: {what}; {said()}"
            time.sleep(0.2)


@pytest.fixture(scope="module")
def scraped(
    cluster: wavelab.Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scraped]:
    yield Scraped(cluster, tmp_path_factory.mktemp("prometheus"))
    cluster.stop_prometheus()


def fires_for(scraped: Scraped, alert: str, space: Space, job: str) -> bool:
    return any(
        (each["job_namespace"], each["job_name"]) == (space.name, job)
        for each in scraped.firing().get(alert, ())
    )


def test_alerts_fire_and_end_and_every_panel_has_data(
    scraped: Scraped, space: Space, operator: OperatorProcess, measured: Callable[[str], None]
) -> None:
    scraped.scrape(operator)
    space.apply("app", container("app:1", strategy="Rolling", maxParallel="100%"))
    space.wait("v1 runs on every node", lambda: settled_on(space, 1))
    scraped.wait("it is scraped", lambda: of_app(scraped, space))
    scraped.wait("it is not down", lambda: "WavegateDown" not in scraped.firing())
    assert not {"WavegateRolledBack", "WavegateAwaitingPromotion"} & scraped.firing().keys()

    space.apply("app", container("app:2", fate="crash"))
    space.apply("slow", container("app:1", autoPromote=False))
    scraped.wait("rolled back", lambda: fires_for(scraped, "WavegateRolledBack", space, "app"))
    (back,) = scraped.firing()["WavegateRolledBack"]
    assert (back["version"], back["stable_version"]) == ("2", "1")
    space.wait("its canary is stable", lambda: awaits(space, "slow-v1"))
    waits = "WavegateAwaitingPromotion"
    scraped.wait("a person is waited for", lambda: fires_for(scraped, waits, space, "slow"))

    space.patch("FleetDeployment", "slow-v1", {"promoted": True})
    scraped.wait("it is promoted", lambda: not fires_for(scraped, waits, space, "slow"))
    space.wait("slow runs", lambda: space.deployment("slow-v1").get("state") == "Completed")
    every_panel_has_data(scraped, space, measured)

    space.apply("app", container("app:3"))
    space.wait("v3 runs on every node", lambda: settled_on(space, 3))
    scraped.wait("it is mended", lambda: "WavegateRolledBack" not in scraped.firing())

    operator.stop()
    scraped.wait("the operator is down", lambda: "WavegateDown" in scraped.firing())
    operator.start()
    scraped.scrape(operator)
    scraped.wait("the operator is back", lambda: "WavegateDown" not in scraped.firing())
    told = {(each["state"], each["version"]) for each, _ in of_app(scraped, space)}
    assert told == {("Running", "3")}, "right at once after its restart"
    for name in ("app", "slow"):
        space.delete("FleetJob", name)
    scraped.wait("it is told no more", lambda: not of_app(scraped, space))


def of_app(scraped: Scraped, space: Space) -> list[tuple[dict[str, str], float]]:
    labels = f'job_namespace="{space.name}",job_name="app"'
    return scraped.value_of(f"wavegate_fleetjob_info{{{labels}}}")


def every_panel_has_data(scraped: Scraped, space: Space, measured: Callable[[str], None]) -> None:
    found = list(queries())
    assert len({(each.dashboard, each.panel) for each in found}) > 20
    empty: list[Query] = []

    def all_have_data() -> bool:
        empty[:] = [each for each in found if not scraped.value_of(filled(each.expr, space))]
        return not empty

    scraped.wait("every panel has data", all_have_data, lambda: str(empty))
    names = set().union(*(metrics_in(each.expr) for each in found))
    names |= set().union(*(metrics_in(each["expr"]) for each in rules()))
    served = set(scraped.ask("label/__name__/values"))
    parts = ("", "_bucket")
    assert {name for name in names if not served & {f"{name}{part}" for part in parts}} == set()
    ours = scraped.value_of('rest_client_requests_total{code="201",method="POST"} > 0')
    assert ours, "the requests of the process are counted"
    measured(f"{len(found)} queries of dashboards have data; {len(names)} metrics are named there")


def filled(expr: str, space: Space) -> str:
    """The query as Grafana sends it, of the job ``app``."""
    for variable, value in (
        ("$__rate_interval", "1m"),
        ("$__range", "5m"),
        ("$job_namespace", space.name),
        ("$job_name", "app"),
    ):
        expr = expr.replace(variable, value)
    return expr
