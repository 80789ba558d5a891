"""``enable``, ``disable`` and ``clone``: what they write, and what they leave alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from support.told import Played, Stage, play
from unit.cli.run_stories import Runs


async def three(stage: Stage) -> None:
    runs = Runs(stage)
    for name in ("one", "two", "three"):
        runs.job(name, trigger={"schedule": {"cron": "0 3 * * *"}})
    for name in ("one", "two"):
        stage.cluster.patch("HTTPJob", name, {"metadata": {"labels": {"team": "billing"}}})


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Played:
    return play(three, monkeypatch, nodes=0)


def suspended(told: Played) -> set[str]:
    return {each["metadata"]["name"] for each in told.list("HTTPJob") if each["spec"]["suspend"]}


def test_those_that_are_named_are_disabled_and_enabled_again(told: Played) -> None:
    asked = told("disable", "one", "hj/two", "one")
    assert asked.code == 0
    assert asked.out.splitlines() == [
        "httpjob.wavegate.dev/one disabled",
        "httpjob.wavegate.dev/two disabled",
    ]
    assert asked.err == "2 HTTPJobs disabled\n"
    assert suspended(told) == {"one", "two"}
    asked = told("enable", "one", "three")
    assert asked.out == "httpjob.wavegate.dev/one enabled\n"
    assert asked.err == "HTTPJob three is enabled already\n1 HTTPJob enabled\n"
    assert suspended(told) == {"two"}


def test_those_with_the_labels_are_meant_and_how_many_is_said(told: Played) -> None:
    asked = told("disable", "-l", "team=billing", "-o", "name")
    assert asked.out.split() == ["httpjob.wavegate.dev/one", "httpjob.wavegate.dev/two"]
    assert suspended(told) == {"one", "two"}
    none = told("disable", "-l", "team=none")
    assert (none.code, none.out, none.err) == (0, "", "no HTTPJobs disabled\n")


@pytest.mark.parametrize("verb", ["enable", "disable"])
@pytest.mark.parametrize(
    "arguments", [(), ("-l", ""), ("-l", "  "), ("one", "-l", "team=billing")], ids=str
)
def test_nobody_means_all_jobs_by_leaving_something_out(
    arguments: tuple[str, ...], verb: str, told: Played
) -> None:
    asked = told(verb, *arguments)
    assert (asked.code, asked.out) == (2, "")
    assert "give names of jobs, or with -l labels that are not empty" in asked.err
    assert suspended(told) == set()


def test_where_one_is_not_there_none_is_changed(told: Played) -> None:
    asked = told("disable", "one", "none")
    assert asked.code == 2
    assert "no HTTPJob none in namespace default" in asked.err
    assert suspended(told) == set()


def test_a_fleet_job_is_not_taken_for_an_http_job_of_that_name(told: Played) -> None:
    asked = told("disable", "fj/one")
    assert asked.code == 2
    assert "no FleetJob one in namespace default" in asked.err
    asked = told("suspend", "hj/one")
    assert asked.code == 2
    assert "hj/one: names no FleetJob, which is what is needed here" in asked.err
    assert suspended(told) == set()


def test_a_dry_run_changes_nothing_and_prints_what_would_be_applied(told: Played) -> None:
    asked = told("disable", "-l", "team=billing", "--dry-run=client", "-o", "yaml")
    whole = yaml.safe_load(asked.out)
    assert whole["kind"] == "List"
    assert whole["items"][0] == {
        "apiVersion": "wavegate.dev/v1alpha1",
        "kind": "HTTPJob",
        "metadata": {"name": "one", "namespace": "default"},
        "spec": {"suspend": True},
    }
    assert asked.err == "2 HTTPJobs disabled (dry run)\n"
    assert suspended(told) == set()


def test_a_job_from_git_is_left_alone_and_its_yaml_is_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def from_git(stage: Stage) -> None:
        await three(stage)
        labels: Any = {"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/name": "jobs"}}}
        stage.cluster.patch("HTTPJob", "one", labels)

    gitops = play(from_git, monkeypatch, nodes=0)
    asked = gitops("disable", "one")
    assert asked.code == 1
    assert "HTTPJob one is applied from Git by Flux" in asked.err
    assert "no HTTPJobs disabled" in asked.err
    assert yaml.safe_load(asked.out)["spec"] == {"suspend": True}
    assert suspended(gitops) == set()
    assert gitops("disable", "one", "two").code == 1
    assert suspended(gitops) == {"two"}


def test_a_clone_has_the_same_spec_and_does_not_begin(told: Played) -> None:
    asked = told("clone", "one", "hj/four")
    assert asked.code == 0, asked.err
    assert asked.out == "httpjob.wavegate.dev/four created, suspended, as one\n"
    assert asked.err.splitlines() == [
        "kubectl edit httpjob four -n default changes what is to differ",
        "wavegate enable four -n default lets it begin",
    ]
    one, four = told.get("HTTPJob", "one"), told.get("HTTPJob", "four")
    assert one is not None
    assert four is not None
    assert four["spec"] == {**one["spec"], "suspend": True}
    assert "labels" not in four["metadata"]


def test_a_clone_takes_nobodys_place(told: Played) -> None:
    asked = told("clone", "one", "two")
    assert asked.code == 2
    assert "there is an HTTPJob two in namespace default: give another name" in asked.err
    asked = told("clone", "none", "five")
    assert asked.code == 2
    assert "no HTTPJob none" in asked.err
    dry = told("clone", "one", "five", "--dry-run=client", "-o", "json")
    assert json.loads(dry.out)["spec"]["suspend"] is True
    assert told.get("HTTPJob", "five") is None
