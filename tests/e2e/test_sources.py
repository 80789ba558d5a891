"""Error rates of real pods: read from the pods themselves, and from a real Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import wavelab
from support.operator_process import OperatorProcess
from support.space import Space
from wavelab.client import Client

pytestmark = pytest.mark.nodes

PORT = 8080
SERVE = """\
mkdir -p /tmp/www/deep && httpd -p 8080 -h /tmp/www
requests=0 errors=0
while true; do
  requests=$((requests + 10)) errors=$((errors + BAD))
  echo "app_requests_total{code=\\"200\\"} $requests" > /tmp/new
  if [ $errors -gt 0 ]; then echo "app_errors_total $errors" >> /tmp/new; fi
  mv /tmp/new /tmp/www/deep/metrics
  sleep 0.2
done
"""
TOTAL = 'sum by (node) (last_over_time(app_requests_total{namespace="%s"}[$window]))'
ERRORS = 'sum by (node) (last_over_time(app_errors_total{namespace="%s"}[$window]))'


def app(error_rate: dict[str, Any], bad: int = 0, **rollout: Any) -> dict[str, Any]:
    """A container that handles fifty requests a second, ``bad`` in ten of them with an error.

    Like those of most libraries, its counter of errors has no series before the first one.
    """
    return {
        "type": "container",
        "template": {
            "metadata": {"annotations": {"prometheus.io/path": "/deep/metrics"}},
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": 65532,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [
                    {
                        "name": "main",
                        "image": "wavegate.local/busybox:1.36",
                        "imagePullPolicy": "Never",
                        "command": ["sh", "-c", SERVE],
                        "env": [{"name": "BAD", "value": str(bad)}],
                        "ports": [{"name": "metrics", "containerPort": PORT}],
                        "readinessProbe": {
                            "httpGet": {"path": "/deep/metrics", "port": PORT},
                            "periodSeconds": 1,
                        },
                        "securityContext": {
                            "allowPrivilegeEscalation": False,
                            "capabilities": {"drop": ["ALL"]},
                        },
                    }
                ],
            },
        },
        "rollout": {
            "strategy": "Canary",
            "autoPromote": True,
            "maxParallel": "100%",
            "healthCheck": {
                "interval": "2s",
                "maxErrorRate": 0.1,
                "successThreshold": 1,
                "failureThreshold": 1,
                "deadline": "30s",
                "errorRate": error_rate,
            },
            **rollout,
        },
    }


@pytest.fixture
def space(
    real_client: Client, operator: OperatorProcess, request: pytest.FixtureRequest
) -> Iterator[Space]:
    """A namespace for one test, without a job when it ends."""
    name = request.node.name.replace("_", "-")[:40].rstrip("-")
    made = Space(real_client, name, **{"pod-security.kubernetes.io/enforce": "restricted"})
    yield made
    made.delete("FleetJob", "app")
    made.wait("nothing is left of the job", lambda: not made.list("Pod"))


def pod_metrics() -> dict[str, Any]:
    return {
        "podMetrics": {
            "port": PORT,
            "path": "/deep/metrics",
            "format": "Prometheus",
            "errors": ["app_errors_total"],
            "total": ["app_requests"],
        }
    }


def prometheus(space: Space, source: str = "main") -> dict[str, Any]:
    total, errors = TOTAL % space.name, ERRORS % space.name
    return {
        "prometheus": {
            "source": source,
            "errorQuery": f"{errors} or 0 * {total}",
            "totalQuery": total,
        }
    }


def runs(space: Space, version: int) -> bool:
    running = set(space.running("app").values())
    ready = space.condition("app").get("status") == "True"
    return running == {str(version)} and len(space.running("app")) == 3 and ready


def message(space: Space, node_of: str = "app-v1") -> str:
    """What a stable execution of a rollout says it was judged by."""
    said = [
        each["status"]["observedState"]["message"]
        for each in space.list("Execution")
        if each["spec"]["deploymentName"] == node_of and "stableAt" in each["status"]
    ]
    return str(said[0])


def refused(space: Space) -> dict[str, Any]:
    """The one failure of version 2, once its canary was refused and version 1 is back."""
    space.wait(
        "version 2 was taken back",
        lambda: space.condition("app").get("reason") == "RolledBack",
    )
    assert {each["spec"]["rolloutWave"] for each in space.executions("app", 2)} == {1}
    (failure,) = space.deployment("app-v2")["failures"]
    return dict(failure)


PODS = "spec.rollout.healthCheck.errorRate.podMetrics"
SOURCE = "spec.rollout.healthCheck.errorRate.prometheus"


@pytest.mark.row(f"{PODS}.port", f"{PODS}.path", f"{PODS}.format", f"{PODS}.errors")
@pytest.mark.row(f"{PODS}.total")
def test_pods_are_judged_by_the_counters_that_they_serve(space: Space) -> None:
    space.apply("app", app(pod_metrics(), strategy="Rolling"))
    space.wait("version 1 runs", lambda: runs(space, 1))
    assert "0.0% errors (0 of " in message(space)
    space.apply("app", app(pod_metrics(), bad=4))
    failure = refused(space)
    assert failure["reason"] == "ErrorRateExceeded"
    assert failure["window"]["rate"] == pytest.approx(0.4, abs=0.05)
    assert failure["window"]["limit"] == 0.1
    assert failure["window"]["total"] > 50


@pytest.mark.row(f"{SOURCE}.source", f"{SOURCE}.errorQuery", f"{SOURCE}.totalQuery")
def test_pods_are_judged_by_what_a_real_prometheus_has_scraped(
    space: Space, operator: OperatorProcess
) -> None:
    space.apply("app", app(prometheus(space), strategy="Rolling"))
    space.wait("version 1 runs", lambda: runs(space, 1))
    assert "0.0% errors (0 of " in message(space)
    space.apply("app", app(prometheus(space), bad=4))
    failure = refused(space)
    assert failure["reason"] == "ErrorRateExceeded"
    assert failure["window"]["rate"] == pytest.approx(0.4, abs=0.05)
    assert failure["window"]["limit"] == 0.1
    assert failure["window"]["total"] > 50
    counted = operator.metrics()
    assert 'wavegate_readings_total{outcome="Read",source="prometheus"}' in counted


def test_a_real_prometheus_that_is_down_holds_a_rollout_until_it_is_back(
    space: Space, real_cluster: wavelab.Cluster, prometheus_config: dict[str, Any]
) -> None:
    real_cluster.stop_prometheus()
    try:
        space.apply("app", app(prometheus(space), strategy="Rolling"))
        space.wait(
            "it is held", lambda: space.condition("app").get("reason") == "MetricsUnreadable"
        )
        said = space.condition("app")["message"]
        assert "source main (http://127.0.0.1:" in said
        assert "Cannot connect" in said
    finally:
        real_cluster.start_prometheus(prometheus_config)
    space.wait("version 1 runs", lambda: runs(space, 1))
    assert space.deployment("app-v1")["failedNodes"] == 0


@pytest.mark.row(f"{SOURCE}.source")
def test_a_source_that_is_not_configured_is_said_and_no_pod_is_made(space: Space) -> None:
    space.apply("app", app(prometheus(space, "other")))
    space.wait("it is stalled", lambda: space.condition("app", "Stalled").get("status") == "True")
    found = space.condition("app", "Stalled")
    assert found["reason"] == "SourceNotConfigured"
    assert found["message"].startswith(f'{SOURCE}.source: the operator has no source "other"')
    assert "(configured: main)" in found["message"]
    assert not space.list("Execution")
