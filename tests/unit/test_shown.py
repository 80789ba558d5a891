"""The pages show what a run has printed: moments, commands, columns, and pictures of the watch."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.errors import DemoError
from demo.observer import Seen
from shown import __main__ as shown
from shown.__main__ import (
    BLOCK,
    PAGES,
    WATCH,
    Screen,
    blocks_of,
    chosen,
    is_bare,
    play,
    problems,
    take,
    written,
)
from shown.story import (
    STORY,
    Scene,
    crash_on,
    ended,
    goes_back,
    judged,
    judges_canary,
    judges_wave_2,
)
from terminal import Terminal, frames
from wavegate.api.crds import KINDS
from wavegate.api.fleetjob import load_job_spec
from wavegate.api.httpjob import load_http_job_spec
from wavegate.runs.problems import job_problems

TABLE = re.compile(r"^\$ kubectl get (\w+)(?!.* -o ).*\n(NAME .*)$", re.MULTILINE)


def block(moment: str, *lines: str) -> str:
    return "\n".join([f"<!-- shown: {moment} -->", *lines, "<!-- end of shown -->"])


class Cluster:
    """kubectl whose every look at the job finds the next of ``messages`` (at last the same), and
    whose commands print that and their arguments."""

    kubeconfig = None

    def __init__(self, *messages: str) -> None:
        self.message, *self.next = messages
        self.given: list[str] = []

    def items(self, *_: str) -> list[dict[str, Any]]:
        if self.next:
            self.message = self.next.pop(0)
        status = {"state": {"message": self.message}}
        return [{"kind": "FleetJob", "metadata": {"name": "agent"}, "status": status}]

    def __call__(self, *arguments: str, given: str | None = None) -> str:
        if given is not None:
            self.given.append(given)
        return f"{self.message}  \n{'|'.join(arguments)}"


def test_pages_and_story_agree() -> None:
    pages = [path.read_text() for path in PAGES]
    assert problems(pages) == []
    bare = [m["moment"] for page in pages for m in BLOCK.finditer(page) if is_bare(m["body"])]
    assert bare == [], "make shown has not been run since"


@pytest.mark.parametrize(
    ("pages", "told"),
    [
        ([block("begun", "$ kubectl get fj")], []),
        ([block("begun", "$ kubectl get fj"), "no block"], []),
        (
            [block("begun", "$ kubectl get fj") + "\n" + block("ended", "$ kubectl get fj")],
            ["a page shows ended, which the story lacks"],
        ),
        (["no block"], ["no page shows begun of the story"]),
        ([block("begun", "$ kubectl get fj")] * 2, []),
        ([block("begun", "$ wavegate get app")], []),
        ([block("begun", "kubectl get fj")], ["begun has no command"]),
    ],
)
def test_where_pages_and_story_differ(pages: Sequence[str], told: Sequence[str]) -> None:
    scenes = [Scene("it begins", None, bool, "begun"), Scene("nobody looks", None, bool)]
    assert problems(pages, scenes) == told


def test_nothing_is_played_where_they_differ(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shown, "STORY", ())
    monkeypatch.setattr(shown, "run", lambda *_: pytest.fail("it was played"))
    monkeypatch.setattr(shown, "problems", lambda pages: problems(pages, ()))
    assert shown.main() == 2
    assert "a page shows second-wave, which the story lacks" in capsys.readouterr().err


def test_what_is_written_is_the_block_alone_and_can_be_read_again() -> None:
    page = f"before\n{block('begun', '```text', '$ kubectl get fj', 'stale', '```')}\nafter\n"
    shows = ("begun", ("kubectl get fj",))
    new = written(page, {shows: "$ kubectl get fj\nfresh"})
    assert new == page.replace("stale", "fresh")
    assert blocks_of([new]) == [shows]


def test_a_command_is_of_the_node_that_the_job_names() -> None:
    commands = [
        "kubectl get ex --field-selector spec.nodeName=sim-006",
        "wavegate get agent",
    ]
    assert take(str.upper, commands, "sim-010: boom; sim-011: boom") == (
        "$ kubectl get ex --field-selector spec.nodeName=sim-010\n"
        "KUBECTL GET EX --FIELD-SELECTOR SPEC.NODENAME=SIM-010\n"
        "\n"
        "$ wavegate get agent\n"
        "WAVEGATE GET AGENT"
    )
    assert "spec.nodeName=sim-006" in take(str.upper, commands, "no node")


def test_a_command_that_prints_nothing_is_told() -> None:
    with pytest.raises(DemoError, match="kubectl get ex prints nothing"):
        take(lambda _: "", ["kubectl get ex"], "")


def test_commands_are_run_as_a_reader_would(tmp_path: Path) -> None:
    screen = Screen(Cluster("said"), tmp_path)
    assert screen("kubectl get fj -o jsonpath='{.a b}'") == "said  \nget|fj|-o|jsonpath={.a b}"
    screen.keep("apiVersion: wavegate.dev/v1alpha1\nkind: FleetJob\nmetadata: {name: UPPER}\n")
    with pytest.raises(DemoError, match=r"wavegate lint -f job\.yaml"):
        screen("wavegate lint -f job.yaml")
    assert screen("wavegate version --help").startswith("Usage: wavegate version")
    into_a_file = "wavegate version --help > help.txt"
    assert take(screen, [into_a_file], "") == f"$ {into_a_file}"
    assert screen.files["help.txt"].startswith("Usage: wavegate version")


def test_a_moment_that_was_over_before_the_commands_were_is_taken_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shown, "POLL", 0)
    cluster = Cluster("", "wave 1", "wave 2", "wave 3", "wave 2 again", "wave 2 still")
    scene = Scene("", lambda _: (["apply"], "the job"), lambda seen: "wave 2" in seen.message)
    shows = ("", ("kubectl get fj",))
    assert play(cluster, "demo", scene, [shows], Screen(cluster, tmp_path)) == {
        shows: "$ kubectl get fj\nwave 2 again\nget|fj"
    }
    assert cluster.given == ["the job"]
    assert (tmp_path / "job.yaml").read_text() == "the job"


def test_a_moment_that_never_comes_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shown, "PATIENCE", 0.01)
    monkeypatch.setattr(shown, "POLL", 0)
    cluster = Cluster("wave 1")
    with pytest.raises(DemoError, match="never came true: it begins\n  job: : wave 1"):
        play(
            cluster, "demo", Scene("it begins", None, lambda _: False), [],
            Screen(cluster, tmp_path),
        )  # fmt: skip


def test_of_a_watch_the_first_picture_the_fullest_of_each_wave_and_the_last_are_shown() -> None:
    pictures = [
        "Paused",
        "wave 2: 1 Validating\n n1 Validating",
        "wave 2: 2 Validating\n n1 Validating\n n2 Validating",
        "wave 2: 1 Running, 1 Validating\n n2 Validating",
        "wave 3: 1 Validating\n n3 Validating",
        "Running",
    ]
    assert chosen(pictures) == "\n\n".join(pictures[at] for at in (0, 2, 4, 5))


def test_what_is_drawn_one_over_the_other_is_told_apart(tmp_path: Path) -> None:
    program = (
        "from rich.console import Console\n"
        "from rich.live import Live\n"
        "with Live(console=Console(), auto_refresh=False) as live:\n"
        "    for text in ('one\\ntwo', 'one\\nthree', 'one\\nthree', '[red]four'):\n"
        "        live.update(text, refresh=True)\n"
    )
    terminal = Terminal([sys.executable, "-c", program], tmp_path, {**os.environ, "TERM": "xterm"})
    code, printed, said = terminal.wait(30)
    assert (code, said) == (0, "")
    assert frames(printed) == ["one\ntwo", "one\nthree", "four"]


def test_the_watch_is_shown_once_and_from_a_scene_on_that_is_watched() -> None:
    pages = [path.read_text() for path in PAGES]
    (moment,) = [moment for moment, commands in blocks_of(pages) if WATCH in commands]
    begun = [scene.watched for scene in STORY].index(True)
    assert begun < [scene.moment for scene in STORY].index(moment)


def deployed(name: str, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": f"agent-{name}"}, "status": status}


def executed(number: int, version: int, state: str, **status: Any) -> dict[str, Any]:
    spec = {"nodeName": f"sim-{number:03}", "jobVersion": version, "attempt": version}
    return {"spec": spec, "status": {"observedState": {"stateType": state}, **status}}


def said(state: str, message: str = "") -> dict[str, Any]:
    return {"status": {"state": {"stateType": state, "message": message}}}


def test_a_rollout_is_over_when_all_ten_nodes_run_something_stable_and_the_job_rests() -> None:
    claims = [executed(n, 2, "Running", stableAt="then") for n in range(10)]
    fallen = [*claims, executed(9, 4, "Failed"), executed(9, 5, "Running", stableAt="now")]
    back = [deployed("v4", state="Completed")]
    over = ended("v4", "Completed")
    assert over(Seen(said("Running"), back, claims, ()))
    assert over(Seen(said("Degraded"), back, fallen, ()))
    assert not over(Seen(said("Degraded"), back, fallen[:-1], ())), "one is not back yet"
    assert not over(Seen(said("Running"), back, claims[1:], ())), "nine of ten"
    assert not over(Seen(said("Deploying"), back, claims, ())), "the job has not caught up"
    assert not over(Seen(said("Running"), [deployed("v4", state="Failed")], claims, ()))


def test_the_canary_is_shown_while_it_is_judged() -> None:
    def shows(state: str, message: str) -> bool:
        return judges_canary(Seen(said("Deploying", message), (), [executed(0, 2, state)], ()))

    assert shows("Validating", "judging sim-000: good window 1 of 2")
    assert not shows("Validating", "waits for sim-000"), "the job has not caught up"
    assert not shows("Running", "judging sim-000")


def test_the_second_wave_is_shown_while_all_four_are_judged() -> None:
    four = [executed(n, 2, "Validating") for n in range(1, 5)]
    wave = [executed(0, 2, "Running", stableAt="then"), *four]
    job, rollout = said("Deploying", "wave 2"), [deployed("v2", message="wave 2")]
    assert judges_wave_2(Seen(job, rollout, wave, ()))
    assert not judges_wave_2(Seen(job, rollout, wave[:-1], ())), "three are claimed"
    assert not judges_wave_2(Seen(job, rollout, [*wave[:-1], executed(4, 2, "Running")], ()))
    assert not judges_wave_2(Seen(said("Deploying", "wave 1"), rollout, wave, ()))


def test_the_way_back_is_shown_while_it_is_under_way() -> None:
    def goes(**status: Any) -> bool:
        return goes_back(Seen({}, [deployed("v3-rollback", **status)], (), ()))

    assert goes(state="InProgress", updatedNodes=9)
    assert not goes(state="InProgress"), "it has not said anything yet"
    assert not goes(state="Completed", updatedNodes=9)


def test_the_withdrawn_canary_is_shown_while_it_is_judged() -> None:
    def shows(state: str, **details: str) -> tuple[bool, bool]:
        seen = Seen({}, (), [executed(1, 6, state, details=details), executed(2, 4, "Running")], ())
        return judged("")(seen), judged("Cordoned")(seen)

    assert shows("Validating") == (True, False)
    assert shows("Validating", withdrawn="Cordoned") == (False, True)
    assert shows("Running", withdrawn="Cordoned") == (False, False)


def test_what_the_story_applies_is_a_job() -> None:
    documents = []
    execution = {"spec": {"jobVersion": 2, "rolloutWave": 2, "nodeName": "sim-003"}}
    seen = Seen({"status": {"stableVersion": 2}}, (), [execution], ())
    for scene in STORY:
        given = scene.act(seen)[1] if scene.act else None
        documents += yaml.safe_load_all(given) if given else []
    jobs = [each for each in documents if each["kind"] == "FleetJob"]
    specs = [load_job_spec(each["spec"]) for each in jobs]
    assert {each["metadata"]["name"] for each in jobs} == {"agent"}
    calls = [load_http_job_spec(each["spec"]) for each in documents if each["kind"] == "HTTPJob"]
    assert [job_problems(each) for each in calls] == [[], []]
    assert [each.template["spec"]["containers"][0]["image"] for each in specs] == [
        f"agent:{version}" for version in (1, 2, 2, 3, 4, 5, 6)
    ], "2 is planned and applied"
    assert [each.rollout.auto_promote for each in specs] == [True, False, False, *[True] * 4]


def test_pods_fail_on_nodes_of_the_second_wave() -> None:
    placed = [("sim-001", 2, 1), ("sim-004", 2, 2), ("sim-003", 2, 2), ("sim-009", 2, 3)]
    placed += [("sim-008", 1, 2)]
    executions = [
        {"spec": {"nodeName": node, "jobVersion": version, "rolloutWave": wave}}
        for node, version, wave in placed
    ]
    seen = Seen({"status": {"stableVersion": 2}}, (), executions, ())
    assert crash_on(1)(seen) == {"wavelab.dev/fate-on": "sim-004=crash"}
    assert crash_on(2)(seen) == {"wavelab.dev/fate-on": "sim-003=crash,sim-004=crash"}


def test_the_columns_on_the_pages_are_those_that_kubectl_prints() -> None:
    columns = {
        kind.short: ["NAME", *(each.name.upper() for each in kind.columns if not each.wide)]
        for kind in KINDS
    }
    found = [
        table
        for path in PAGES
        for shown_block in BLOCK.finditer(path.read_text())
        for table in TABLE.findall(shown_block["body"])
    ]
    assert {short for short, _ in found} == {"fj", "fd", "ex", "hj"}
    for short, header in found:
        assert re.split(r" {2,}", header) == columns[short], "repair with: make shown"
