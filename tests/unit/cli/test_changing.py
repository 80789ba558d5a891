"""The commands that change something, on a server with what the operator has really written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from sim.world import spec
from support.told import Played, Stage, play


async def at_the_gate(stage: Stage) -> None:
    await stage.install()
    stage.cluster.apply("app", spec("app:2", autoPromote=False))
    await stage.says("AwaitingPromotion")


async def completed(stage: Stage) -> None:
    await stage.install()
    stage.cluster.apply("app", spec("app:2", strategy="Rolling", maxParallel="100%"))
    await stage.ended("app-v2")
    await stage.until("it runs", lambda: stage.state() == "Running")


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Played:
    return play(at_the_gate, monkeypatch)


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> Played:
    return play(completed, monkeypatch)


def spec_of(told: Played, name: str = "app-v2", kind: str = "FleetDeployment") -> dict[str, Any]:
    found = told.get(kind, name)
    assert found is not None
    return dict(found["spec"])


@pytest.mark.parametrize(
    ("verb", "field", "value", "said"),
    [
        ("promote", "promoted", True, "promoted"),
        ("pause", "paused", True, "paused"),
        ("cancel", "canceled", True, "canceled"),
    ],
)
def test_a_verb_writes_its_field_of_the_open_deployment_and_nothing_else(
    gate: Played, verb: str, field: str, value: bool, said: str
) -> None:
    before, job = spec_of(gate), spec_of(gate, "app", "FleetJob")
    told = gate(verb, "app")
    assert (told.code, told.err) == (0, "")
    assert told.out == f"fleetdeployment.wavegate.dev/app-v2 {said}\n"
    assert spec_of(gate) == {**before, field: value}
    assert spec_of(gate, "app", "FleetJob") == job
    again = gate(verb, "app")
    assert again.code == 0
    assert f"is {said} already" in again.err


def just_before_the_patch(told: Played, part: str, change: dict[str, Any]) -> None:
    """Somebody else writes app-v2 between a command's reading it and its first patch."""
    ask, left = told.server.request, [change]

    def asked(user: Any, method: str, path: str, *more: Any, **named: Any) -> Any:
        if method == "PATCH" and left:
            there = told.get("FleetDeployment", "app-v2")
            assert there is not None
            body = {**there, part: {**there[part], **left.pop()}}
            ask(user, "PUT", f"{path}/status" if part == "status" else path, body=body)
        return ask(user, method, path, *more, **named)

    told.patch.setattr(told.server, "request", asked)


def test_what_the_operator_reports_meanwhile_is_no_reason_to_refuse(gate: Played) -> None:
    before = spec_of(gate)
    just_before_the_patch(gate, "status", {"message": "one more node"})
    told = gate("promote", "app")
    assert (told.code, told.err) == (0, "")
    assert spec_of(gate) == {**before, "promoted": True}
    found = gate.get("FleetDeployment", "app-v2")
    assert found is not None
    assert found["status"]["message"] == "one more node"


def test_what_another_user_has_changed_meanwhile_is_left_as_it_is(gate: Played) -> None:
    before = spec_of(gate)
    just_before_the_patch(gate, "spec", {"canceled": True})
    told = gate("promote", "app")
    assert told.code == 2
    assert "the object has been modified" in told.err
    assert spec_of(gate) == {**before, "canceled": True}


def test_what_git_has_taken_meanwhile_is_left_as_it_is(gate: Played) -> None:
    before = spec_of(gate)
    applied = {"manager": "kustomize-controller", "operation": "Apply", "fieldsV1": {"f:spec": {}}}
    just_before_the_patch(gate, "metadata", {"managedFields": [applied]})
    told = gate("promote", "app")
    assert told.code == 2
    assert "the object has been modified" in told.err
    assert spec_of(gate) == before


def test_resume_undoes_pause(gate: Played) -> None:
    gate("pause", "app-v2")
    assert spec_of(gate)["paused"] is True
    assert gate("resume", "fd/app-v2").out == "fleetdeployment.wavegate.dev/app-v2 resumed\n"
    assert spec_of(gate)["paused"] is False


def test_a_dry_run_prints_what_can_be_applied_and_changes_nothing(gate: Played) -> None:
    before = spec_of(gate)
    told = gate("promote", "app", "--dry-run=client", "-o", "yaml")
    assert yaml.safe_load(told.out) == {
        "apiVersion": "wavegate.dev/v1alpha1",
        "kind": "FleetDeployment",
        "metadata": {"name": "app-v2", "namespace": "default"},
        "spec": {"promoted": True},
    }
    assert told.err == ""
    assert gate("promote", "app", "--dry-run=client").out.endswith("promoted (dry run)\n")
    assert spec_of(gate) == before


def test_what_cannot_be_is_refused_with_the_state(gate: Played, done: Played) -> None:
    gate("cancel", "app")
    told = gate("promote", "app")
    assert told.code == 2
    assert "app-v2 was canceled" in told.err
    told = done("pause", "app")
    assert told.code == 2
    assert "no rollout of FleetJob app is open; the last, app-v2, is Completed" in told.err
    told = done("pause", "app-v1")
    assert (told.code, told.err) == (2, "error: FleetDeployment app-v1 has ended: Completed\n")
    told = done("pause", "other")
    assert (told.code, told.err) == (
        2,
        "error: no FleetJob or FleetDeployment other in namespace default\n",
    )


def test_consent_in_advance_says_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    async def judging(stage: Stage) -> None:
        await stage.install()
        stage.cluster.apply("app", spec("app:2", autoPromote=False))
        await stage.until("it began", lambda: stage.deployment("app-v2").get("startedAt"))

    told = play(judging, monkeypatch)("promote", "app")
    assert told.code == 0
    assert "consent in advance" in told.err


def made_by(told: Played, command: Callable[[], Any]) -> dict[str, Any]:
    """The deployment that a command has made."""
    before = {each["metadata"]["name"] for each in told.list("FleetDeployment")}
    assert command().code == 0
    (new,) = [e for e in told.list("FleetDeployment") if e["metadata"]["name"] not in before]
    return new


def test_restart_rollback_and_stop_make_a_deployment(done: Played) -> None:
    new = made_by(done, lambda: done("rollback", "app"))
    assert new["metadata"]["name"].startswith("app-back-2023")
    assert {key: new["spec"][key] for key in ("jobName", "type", "toVersion")} == {
        "jobName": "app",
        "type": "Rollback",
        "toVersion": 1,
    }
    new = made_by(done, lambda: done("stop", "app", "--name", "halt"))
    assert (new["metadata"]["name"], new["spec"]["type"]) == ("halt", "Stop")


def test_restart_makes_the_stable_version_anew_or_tries_another(done: Played) -> None:
    new = made_by(done, lambda: done("restart", "app", "--to-version", "1"))
    assert (new["spec"]["type"], new["spec"]["toVersion"]) == ("Restart", 1)
    told = done("restart", "app")
    assert told.code == 2
    assert f"{new['metadata']['name']} is open, so a Restart would be refused" in told.err


def test_their_dry_runs_print_a_whole_object_for_git(done: Played) -> None:
    told = done("restart", "app", "--dry-run=client", "-o", "yaml", "--name", "again")
    assert yaml.safe_load(told.out) == {
        "apiVersion": "wavegate.dev/v1alpha1",
        "kind": "FleetDeployment",
        "metadata": {"name": "again", "namespace": "default"},
        "spec": {"jobName": "app", "type": "Restart"},
    }
    assert done.get("FleetDeployment", "again") is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("rollback", "app", "--to-version", "7"), "FleetJob app has no v7; it has v1, v2"),
        (
            ("rollback", "app", "--to-version", "2"),
            "v2 of FleetJob app never completed; versions that did: v1",
        ),
        (("rollback", "none"), "no FleetJob none in namespace default"),
        (("restart", "app", "--to-version", "9"), "app-v2 is open"),
    ],
)
def test_what_the_operator_would_refuse_is_refused_at_once(
    gate: Played, arguments: tuple[str, ...], words: str
) -> None:
    before = len(gate.list("FleetDeployment"))
    told = gate(*arguments)
    assert told.code == 2
    assert words in told.err
    assert len(gate.list("FleetDeployment")) == before


def test_rollback_without_another_stable_version_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def first(stage: Stage) -> None:
        await stage.install()

    told = play(first, monkeypatch)("rollback", "app")
    assert told.code == 2
    assert "has no other version that was stable" in told.err


def test_suspend_and_unsuspend_write_the_job(done: Played) -> None:
    assert done("suspend", "app").out == "fleetjob.wavegate.dev/app suspended\n"
    assert spec_of(done, "app", "FleetJob")["suspend"] is True
    assert done("unsuspend", "fj/app").out == "fleetjob.wavegate.dev/app unsuspended\n"
    assert spec_of(done, "app", "FleetJob")["suspend"] is False


def test_a_job_from_git_is_not_changed_and_its_yaml_is_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def from_git(stage: Stage) -> None:
        await stage.install()
        labels = {"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/name": "jobs"}}}
        stage.cluster.patch("FleetJob", "app", labels)

    gitops = play(from_git, monkeypatch)
    told = gitops("suspend", "app")
    assert told.code == 1
    assert "is applied from Git by Flux" in told.err
    assert yaml.safe_load(told.out)["spec"] == {"suspend": True}
    assert spec_of(gitops, "app", "FleetJob")["suspend"] is False
