"""The order of an uninstall: what it does itself, and what it leaves to others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.told import Played, Stage, play

DEPLOYMENTS = "/apis/apps/v1/deployments"
PODS = "/api/v1/pods"
KINDS = (
    *("fleetjobs", "fleetdeployments", "executions", "jobversions"),
    *("httpjobs", "jobruns", "ratelimitpools", "runbatches"),
)
CRDS = "kubectl delete crd " + " ".join(f"{kind}.wavegate.dev" for kind in KINDS)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Played:
    async def runs(stage: Stage) -> None:
        await stage.install()
        stage.cluster.create("HTTPJob", "bill", {"http": {"url": "http://echo.example/"}})

    played = play(runs, monkeypatch, nodes=2)
    played.answers = {DEPLOYMENTS: lambda _: deployments("edge-rollouts")}
    return played


def deployments(release: str) -> dict[str, Any]:
    annotations = {"meta.helm.sh/release-name": release} if release else {}
    metadata = {
        "name": "wavegate",
        "namespace": "wavegate-system",
        "annotations": annotations,
        "labels": {"app.kubernetes.io/name": "wavegate"},
    }
    return {"metadata": {}, "items": [{"metadata": metadata}]}


def pods(*numbers: int) -> Callable[[Any], dict[str, Any]]:
    """So many pods, one number for each time that is asked; the last one for good."""
    left = list(numbers)

    def answer(_body: Any) -> dict[str, Any]:
        number = left.pop(0) if len(left) > 1 else left[0]
        pod = {"metadata": {"name": "app-x", "labels": {"wavegate.dev/job": "app"}}}
        return {"metadata": {}, "items": [pod] * number}

    return answer


def test_a_dry_run_names_the_jobs_and_deletes_nothing(told: Played) -> None:
    asked = told("uninstall", "--dry-run=client")
    assert asked.code == 0
    assert asked.out.splitlines() == [
        "fleetjob.wavegate.dev/app in default",
        "httpjob.wavegate.dev/bill in default",
    ]
    assert told.get("FleetJob", "app") is not None
    assert told.get("HTTPJob", "bill") is not None


def test_jobs_are_deleted_and_the_rest_is_told_once_no_pod_is_left(told: Played) -> None:
    told.answers = {**told.answers, PODS: pods(2, 0)}
    asked = told("uninstall", "--yes", "--timeout", "20s")
    assert asked.code == 0, asked.err
    assert told.list("FleetJob") == []
    assert told.list("HTTPJob") == []
    assert asked.out.splitlines()[2:] == [
        "helm uninstall edge-rollouts --namespace wavegate-system",
        CRDS,
    ]
    assert "2 pods are still to stop" in asked.err
    told.answers = {DEPLOYMENTS: lambda _: deployments(""), PODS: pods(0)}
    again = told("uninstall", "--yes")
    assert again.out.splitlines() == [
        "kubectl delete deployment wavegate --namespace wavegate-system",
        CRDS,
    ]


def test_pods_that_do_not_stop_are_waited_for_in_vain(told: Played) -> None:
    told.answers = {**told.answers, PODS: pods(2)}
    asked = told("uninstall", "--yes", "--timeout", "100ms")
    assert asked.code == 3
    assert "2 pods are left after 0.1 s" in asked.err
    assert "helm" not in asked.out


def test_without_an_operator_it_says_that_it_takes_longer(told: Played) -> None:
    told.now += 60
    asked = told("uninstall", "--dry-run=client")
    assert "no operator runs" in asked.err
    assert "which takes longer" in asked.err
