"""Where errors and totals come from: pods at 127.0.0.1, whose counters this process serves."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from support.few import deploy, few, health, runs
from support.space import Space

pytestmark = pytest.mark.cluster

PATH = "/stats/now"
REQUESTS, OK, BAD, SLOW = 100, 70, 20, 10
"""What each reading adds; errors are BAD and SLOW."""


class Counters(ThreadingHTTPServer):
    """Counters that grow with each reading, as Prometheus text and as JSON."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.readings = 0

    def page(self, path: str) -> str | None:
        self.readings += 1
        counted = {"bad": BAD, "slow": SLOW, "ok": OK}
        values = {name: value * self.readings for name, value in counted.items()}
        if path == PATH:
            return "".join(f"# TYPE {n} counter\n{n} {v}\n" for n, v in values.items())
        return json.dumps(values) if path == f"{PATH}.json" else None


class _Handler(BaseHTTPRequestHandler):
    server: Counters

    def do_GET(self) -> None:
        page = self.server.page(self.path)
        self.send_response(200 if page is not None else 404)
        self.end_headers()
        self.wfile.write((page or "no such page").encode())

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@pytest.fixture
def counters() -> Iterator[Counters]:
    server = Counters()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def read(counters: Counters, highest: float, **fields: Any) -> dict[str, Any]:
    """A job of one node that is judged by these counters."""
    source = {
        "port": counters.server_port,
        "path": PATH,
        "errors": ["bad", "slow"],
        "total": ["ok", "bad", "slow"],
        **fields,
    }
    check = health(maxErrorRate=highest, failureThreshold=1, errorRate={"podMetrics": source})
    return few(fate="local", nodes=["sim-001"], healthCheck=check)


def verdict(space: Space, job: str) -> str:
    state = space.deployment(f"{job}-v1").get("state")
    return str(state) if state in ("Completed", "Failed") else ""


@pytest.mark.row(
    "spec.rollout.healthCheck.maxErrorRate",
    "FleetDeployment.status.failures[].window",
    "Windows",
)
def test_row_spec_rollout_health_check_max_error_rate(jobs: Space, counters: Counters) -> None:
    jobs.apply("just", read(counters, 0.3))
    jobs.apply("over", read(counters, 0.29))
    jobs.apply("none", read(counters, 0))
    jobs.wait("a rate at the limit is good", lambda: runs(jobs, 1, ["sim-001"], "just"))
    for job, limit in (("over", 0.29), ("none", 0.0)):
        jobs.wait(f"{job} has failed", lambda job=job: verdict(jobs, job) == "Failed")
        (failure,) = jobs.deployment(f"{job}-v1")["failures"]
        assert failure["reason"] == "ErrorRateExceeded"
        window = failure["window"]
        assert (window["rate"], window["limit"]) == (0.3, limit)
        assert window["errors"] == pytest.approx(0.3 * window["total"])
        assert window["total"] > 0


@pytest.mark.row(
    "spec.rollout.healthCheck.errorRate.podMetrics.errors",
    "spec.rollout.healthCheck.errorRate.podMetrics.total",
)
def test_row_spec_rollout_health_check_error_rate_names(jobs: Space, counters: Counters) -> None:
    jobs.apply("fewer", read(counters, 0.1, errors=["slow"]))
    jobs.apply("smaller", read(counters, 0.1, errors=["slow"], total=["bad", "slow"]))
    jobs.wait("10 of 100", lambda: verdict(jobs, "fewer") == "Completed")
    jobs.wait("10 of 30", lambda: verdict(jobs, "smaller") == "Failed")
    window = jobs.deployment("smaller-v1")["failures"][0]["window"]
    assert window["rate"] == pytest.approx(1 / 3, abs=0.001)


@pytest.mark.row("FleetDeployment.spec.rollout.healthCheck", "Restart")
def test_row_deployment_rollout_health_check(jobs: Space, counters: Counters) -> None:
    """A restart is judged by its own windows and counters, which the version does not have."""
    jobs.apply("app", few(fate="local", nodes=["sim-001"], strategy="Immediate", healthCheck=None))
    jobs.wait("v1 runs", lambda: runs(jobs, 1, ["sim-001"]))
    check = read(counters, 0.3)["rollout"]["healthCheck"]
    settings = {"strategy": "Rolling", "maxFailedNodes": 0}
    deploy(
        jobs,
        "well",
        type="Restart",
        rollout={**settings, "healthCheck": {**check, "successThreshold": 3}},
    )
    jobs.wait("it is well", lambda: jobs.deployment("well").get("state") == "Completed")
    latest = max(jobs.executions("app"), key=lambda each: each["spec"]["attempt"])
    said = latest["status"]["observedState"]["message"]
    assert said.startswith("healthy after 3 good windows: 30.0% errors"), said
    deploy(
        jobs,
        "ill",
        type="Restart",
        rollout={**settings, "healthCheck": {**check, "maxErrorRate": 0.2}},
    )
    jobs.wait("it failed", lambda: jobs.deployment("ill").get("state") == "Failed")
    assert jobs.deployment("ill")["failures"][0]["reason"] == "ErrorRateExceeded"


@pytest.mark.row(
    "spec.rollout.healthCheck.errorRate.podMetrics.port",
    "spec.rollout.healthCheck.errorRate.podMetrics.path",
    "spec.rollout.healthCheck.errorRate.podMetrics.format",
    "Unreadable",
)
def test_row_spec_rollout_health_check_error_rate_pod_metrics(
    jobs: Space, counters: Counters
) -> None:
    jobs.apply("json", read(counters, 0.3, path=f"{PATH}.json", format="JSON"))
    jobs.apply("wrong-form", read(counters, 0.3, format="JSON"))
    jobs.apply("wrong-path", read(counters, 0.3, path="/elsewhere"))
    jobs.apply("wrong-port", read(counters, 0.3, port=1))
    jobs.wait("it is read", lambda: verdict(jobs, "json") == "Completed")
    for job in ("wrong-form", "wrong-path", "wrong-port"):
        jobs.wait(
            f"{job} is held, not judged",
            lambda job=job: jobs.condition(job).get("reason") == "MetricsUnreadable",
        )
        message = jobs.condition(job)["message"]
        assert "http://127.0.0.1:" in message, message
        assert jobs.deployment(f"{job}-v1")["state"] == "InProgress"
