"""Options, and how the demonstration ends: with what exit code, and what is left behind."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from demo import __main__ as module
from demo.__main__ import Demonstration, is_plain, parse, story
from demo.clusters import Progress
from demo.errors import DemoError
from demo.kubectl import Kubectl
from demo.observer import Seen
from demo.tests import canned
from demo.view import View


def test_without_options_three_nodes_are_made_and_removed() -> None:
    options = parse([])
    assert (options.cluster, options.nodes, options.keep, options.plain) == (None, 3, False, False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--nodes", "2"], "take 3 nodes at least"),
        (["--cluster", "current"], "--pipeline-image: is needed"),
        (["--cluster", "moon"], "invalid choice"),
    ],
)
def test_an_option_that_cannot_be_met_is_refused_with_words(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        parse(arguments)
    assert refused.value.code == 2
    assert said in capsys.readouterr().err


def test_help_says_what_happens(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["--help"])
    assert ended.value.code == 0
    assert "four acts" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "environ", "terminal", "plain"),
    [
        ([], {}, True, False),
        ([], {}, False, True),
        (["--plain"], {}, True, True),
        ([], {"NO_COLOR": "1"}, True, True),
        ([], {"CI": "true"}, True, True),
        ([], {"NO_COLOR": ""}, True, False),
    ],
)
def test_lines_are_printed_where_nothing_can_be_drawn(
    arguments: list[str], environ: dict[str, str], terminal: bool, plain: bool
) -> None:
    assert is_plain(parse(arguments), environ, terminal=terminal) is plain


class Moments(Kubectl):
    """One after the other; the last one stays."""

    def __init__(self, moments: list[Seen]) -> None:
        super().__init__("kubectl", None)
        self._moments = moments

    def __call__(self, *_: str, given: str | None = None) -> str:
        del given
        return ""

    def items(self, *_: str) -> list[canned.Document]:
        moment = self._moments[0] if len(self._moments) == 1 else self._moments.pop(0)
        by_kind = {
            "FleetJob": [{**moment.job, "metadata": {"name": "telemetry"}}],
            "FleetDeployment": moment.deployments,
            "Execution": moment.executions,
            "Pod": moment.pods,
        }
        return [{**each, "kind": kind} for kind, found in by_kind.items() for each in found]


class Stage:
    """A cluster on which the acts end as they are told to."""

    runs_pods = False
    selector = "pool=edge"
    namespace = "demo"
    lease_namespace = "demo"

    def __init__(self, ends: list[Seen], broken: BaseException | None = None) -> None:
        self.kubectl: Kubectl = Moments(ends)
        self.removed = False
        self._broken = broken

    def installed_operator(self) -> None:
        return None

    def prepare(self, _: Progress) -> None:
        if self._broken is not None:
            raise self._broken

    def operator_kubeconfig(self) -> Path:
        return Path("/nowhere")

    def marks(self) -> dict[str, str]:
        return {}

    def remove(self, _: Progress) -> None:
        self.removed = True

    def how_to_use(self, operator: int) -> list[str]:
        return [f"kill {operator}"]


class Operator:
    """The operator's process, without one."""

    pid = 4711
    log = Path("/nowhere/operator.log")
    stopped = False
    interrupted = False

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def start(self) -> None:
        if self.interrupted:
            raise KeyboardInterrupt

    def stop(self) -> None:
        Operator.stopped = True

    def tail(self) -> str:
        return "its last line"


Perform = Callable[..., tuple[int, str]]


@pytest.fixture
def perform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Perform:
    monkeypatch.setattr(module, "OperatorProcess", Operator)
    monkeypatch.setattr(module, "_POLL_SECONDS", 0.0)
    monkeypatch.setattr(module, "_ACT_SECONDS", 0.1)
    monkeypatch.setattr(module, "gettempdir", lambda: str(tmp_path))
    Operator.stopped = False

    def run(stage: Stage, *, keep: bool = False) -> tuple[int, str]:
        console = Console(file=io.StringIO(), width=80, no_color=True, soft_wrap=True)
        view = View(console, live=False)
        with console.capture() as captured:
            code = module._perform(Demonstration(stage, view, None), view, console, keep)
        return code, captured.get()

    return run


def play() -> list[Seen]:
    """What is seen before and at the end of each act."""
    simulated = canned.degraded()
    crashed = canned.job(4, "Degraded", "c: exit code 1", Ready="True Degraded")
    fourth = Seen(crashed, simulated.deployments, simulated.executions, simulated.pods)
    nothing = Seen(job={}, deployments=[], executions=[], pods=[])
    ends = [canned.first_version(), canned.promoted(), canned.rolled_back(), fourth]
    before = [nothing, *ends[:3]]
    return [moment for pair in zip(before, ends, strict=True) for moment in pair]


def test_four_acts_as_they_should_be_are_success_and_nothing_is_left(perform: Perform) -> None:
    stage = Stage(play())
    code, said = perform(stage)
    assert code == 0, said
    assert said.count("as expected") == 4
    assert stage.removed
    assert Operator.stopped


def test_an_act_that_goes_wrong_is_the_last_and_is_explained(perform: Perform) -> None:
    moments = play()
    moments[3] = canned.rolled_back()
    stage = Stage([*moments[:3], canned.seen(
        canned.job(2, "RolloutFailed", "all is lost", Ready="False CanaryFailed"),
        [canned.rollout("v2", "Failed", reason="CanaryFailed", message="a: boom")],
        [canned.execution("a", 2, 2, 1, "Failed: boom")],
        {"a": 1, "b": 1, "c": 1},
    )])  # fmt: skip
    code, said = perform(stage)
    assert code == 1
    assert "Act 3" not in said
    for words in ("all is lost", "telemetry-v2: Failed CanaryFailed a: boom", "its last line"):
        assert words in said
    assert stage.removed


def test_kept_it_is_left_running_and_says_how_to_end_it(perform: Perform) -> None:
    stage = Stage(play())
    code, said = perform(stage, keep=True)
    assert code == 0
    assert "kill 4711" in said
    assert not stage.removed
    assert not Operator.stopped


@pytest.mark.parametrize("keep", [True, False])
def test_a_cluster_that_cannot_be_made_is_refused_and_taken_away(
    keep: bool, perform: Perform
) -> None:
    stage = Stage([], DemoError("no Go in PATH"))
    code, said = perform(stage, keep=keep)
    assert (code, said.strip()) == (2, "demo: no Go in PATH")
    assert stage.removed


@pytest.mark.parametrize("keep", [True, False])
def test_an_interrupt_takes_everything_away(keep: bool, perform: Perform) -> None:
    stage = Stage([], KeyboardInterrupt())
    code, said = perform(stage, keep=keep)
    assert code == 130
    assert "cleaning up" in said
    assert stage.removed


def test_an_interrupt_after_the_operator_began_keeps_nothing(
    perform: Perform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / f"wavegate-demo-{os.getpid()}").mkdir()
    monkeypatch.setattr(Operator, "interrupted", True)
    stage = Stage([])
    assert perform(stage, keep=True)[0] == 130
    assert stage.removed
    assert Operator.stopped
    assert list(tmp_path.iterdir()) == []


def test_pods_that_cannot_be_reached_are_not_blamed_on_the_version(
    perform: Perform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "messages_received", lambda _: None)
    held = canned.rollout("v1", "InProgress", reason="MetricsUnreadable", message="10.0.0.7: gone")
    stage = Stage([canned.seen(canned.job(1, "Deploying", "held"), [held], [], {"a": 1})])
    code, said = perform(stage)
    assert code == 1
    assert "cannot be reached from this machine" in said
    assert "10.0.0.7: gone" in said


def test_an_act_that_does_not_end_is_given_up_with_what_was_seen(perform: Perform) -> None:
    code, said = perform(Stage([canned.seen(canned.job(1, "Deploying", "stuck"), [], [], {})]))
    assert code == 1
    assert "not over after 0.1 s: Deploying: stuck" in said


def test_the_story_tells_of_job_rollouts_and_nodes() -> None:
    told = "\n".join(story(canned.rolled_back()))
    assert "job: Running: v3 failed" in told
    assert "telemetry-v3: Failed CanaryFailed" in told
    assert "b: v2 Running" in told
