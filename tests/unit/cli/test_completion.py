"""Names and commands for a shell, and for kubectl."""

from __future__ import annotations

import pytest

from support.told import Played, Stage, play
from unit.cli.run_stories import Runs
from wavegate.cli import cluster as cli_cluster
from wavegate.cli.commands.completion import kubectl_complete
from wavegate.cli.errors import CliError


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Played:
    async def runs(stage: Stage) -> None:
        await stage.install()
        runs = Runs(stage)
        runs.job("bill")
        runs.ask("one", "bill")
        await runs.says("one", "Completed")

    played = play(runs, monkeypatch)
    played("list")  # leads commands to its server
    return played


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_script_of_a_shell_asks_this_program(told: Played, shell: str) -> None:
    script = told("completion", shell)
    assert script.code == 0
    assert "_WAVEGATE_COMPLETE" in script.out
    assert told("completion", "tcsh").code == 2


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["pro"], ["promote"]),
        (["get", "a"], ["app"]),
        (["why", "-n", "default", ""], ["app", "bill"]),
        (["history", ""], ["app"]),
        (["trigger", ""], ["bill"]),
        (["disable", "bill", "b"], ["bill"]),
        (["runs", "dead"], ["dead-letters"]),
        (["runs", "get", ""], ["one"]),
        (["runs", "-n", "elsewhere", "cancel", ""], []),
        (["-n", "elsewhere", "runs", "list", ""], []),
        (["runs", "list", "--phase", "Dead"], ["DeadLetter"]),
        (["get", "-n", "elsewhere", ""], []),
        (["get", "-o", "y"], ["yaml"]),
        (["restart", "app", "--to-v"], ["--to-version"]),
    ],
)
def test_kubectl_is_told_a_line_each_and_not_to_offer_files(
    words: list[str], offered: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    kubectl_complete(words)
    assert capsys.readouterr().out.split() == [*offered, ":4"]


def test_without_a_cluster_nothing_is_offered_and_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def refused(_target: object) -> None:
        raise CliError("no cluster")

    monkeypatch.setattr(cli_cluster, "open_transport", refused)
    kubectl_complete(["get", ""])
    assert capsys.readouterr() == (":4\n", "")
