"""What ``check`` makes of the answers of a cluster."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.told import Played, Stage, play
from wavegate.cli.checking import KINDS, access_checks, api_check, lease_check, version_check

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("answer", "verdict", "words"),
    [
        ({"major": "1", "minor": "32", "gitVersion": "v1.32.0"}, "ok", "v1.32.0"),
        ({"major": "1", "minor": "33+", "gitVersion": "v1.33.1-gke"}, "ok", "v1.33.1-gke"),
        ({"major": "1", "minor": "31", "gitVersion": "v1.31.4"}, "wrong", "1.32 is the least"),
        ("no answer in time", "wrong", "no answer in time"),
    ],
)
def test_the_servers_version(answer: Any, verdict: str, words: str) -> None:
    found = version_check(answer)
    assert found.verdict == verdict
    assert words in found.says


def test_the_kinds_that_are_served() -> None:
    names = [*KINDS, "fleetjobs/status"]
    assert api_check({"resources": [{"name": name} for name in names]}).verdict == "ok"
    some = api_check({"resources": [{"name": "fleetjobs"}]})
    assert some.verdict == "wrong"
    assert "executions, fleetdeployments, httpjobs, jobruns, jobversions" in some.says
    assert api_check("not found").verdict == "wrong"


def lease(renewed: str, holder: str = "operator-1") -> dict[str, Any]:
    return {
        "metadata": {"namespace": "wavegate-system", "name": "wavegate"},
        "spec": {"holderIdentity": holder, "renewTime": renewed},
    }


@pytest.mark.parametrize(
    ("leases", "verdict", "words"),
    [
        ([lease("2023-11-14T22:13:10.000000Z")], "ok", "operator-1 leads, in wavegate-system"),
        ([lease("2023-11-14T22:12:40.000000Z")], "wrong", "nobody renews the Lease"),
        ([lease("2023-11-14T22:13:10.000000Z", holder="")], "wrong", "nobody renews"),
        ([lease("2023-11-14T22:00:00Z"), lease("2023-11-14T22:13:15Z", "two")], "ok", "two leads"),
        ([], "wrong", "is the operator installed?"),
        ("leases is forbidden", "no", "cannot be told"),
    ],
)
def test_whether_an_operator_leads(leases: Any, verdict: str, words: str) -> None:
    found = lease_check(leases, NOW)
    assert found.verdict == verdict
    assert words in found.says


def test_a_right_to_look_has_to_be_there_and_one_to_change_need_not() -> None:
    asked: list[dict[str, Any]] = []

    def allowed(review: dict[str, Any]) -> bool:
        attributes = review["spec"]["resourceAttributes"]
        asked.append(attributes)
        return attributes["resource"] not in ("fleetdeployments", "nodes")

    verdicts = {each.what: each.verdict for each in access_checks(allowed, "edge")}
    assert verdicts["you may list fleetjobs in edge"] == "ok"
    assert verdicts["you may list fleetdeployments in edge"] == "wrong"
    assert verdicts["you may list nodes"] == "wrong"
    assert verdicts["you may create fleetdeployments in edge"] == "no"
    assert verdicts["you may list jobruns in edge"] == "ok"
    assert verdicts["you may create jobruns in edge"] == "ok"
    assert verdicts["you may get pods/log in edge"] == "ok"
    assert {"verb": "list", "group": "", "resource": "nodes"} in asked
    subresource = [each for each in asked if each.get("subresource") == "log"]
    assert subresource == [
        {
            "verb": "get",
            "group": "",
            "resource": "pods",
            "namespace": "edge",
            "subresource": "log",
        }
    ]


def test_the_command_prints_a_line_for_each_and_ends_with_1_where_one_is_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def runs(stage: Stage) -> None:
        await stage.install()

    told = play(runs, monkeypatch)
    well = asked(told, minor="34")
    assert well.code == 0, well.out
    assert "ok    operator: operator-1 leads, in wavegate-system" in well.out
    old = asked(told, minor="30")
    assert old.code == 1
    assert old.out.startswith("wrong API server: v1.30.0, and 1.32 is the least")
    items = json.loads(told("check", "-o", "json").out)["items"]
    assert items[0] == {
        "what": "API server",
        "verdict": "wrong",
        "says": "v1.30.0, and 1.32 is the least: upgrade the cluster",
    }


def asked(told: Played, minor: str) -> Any:
    version = {"major": "1", "minor": minor, "gitVersion": f"v1.{minor}.0"}
    told.answers = {
        "/version": lambda _: version,
        "/apis/wavegate.dev/v1alpha1": lambda _: {"resources": [{"name": name} for name in KINDS]},
        REVIEWS: lambda _: {"status": {"allowed": True}},
    }
    return told("check")
