"""How the quick start's page is read: which block is run where, what is compared."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from quickstart.page import PAGE, WAYS, Step, alike, steps, with_outputs
from quickstart.walk import WalkError, walk

BLOCKS = """
```sh
echo $IMAGE
```

```text
old
```

<!-- run: local -->
```sh
make cluster
```

<!-- second terminal until: leading as -->
```sh
make run
```

<!-- not run: no registry -->
```sh
push
```

```yaml
a: 1
```
"""


def test_every_block_of_the_page_is_run_on_one_of_the_two_ways_but_for_the_push() -> None:
    found = steps(PAGE.read_text())
    assert PAGE.read_text().count("```sh\n") == len(found)
    assert [step.reason for step in found if not step.ways] == [
        "it needs a registry; the tests build the image and load it onto the nodes"
    ]
    for way in WAYS:
        assert len([step for step in found if way in step.ways]) >= 12


def test_every_output_of_the_page_is_of_a_block_that_is_run() -> None:
    page = PAGE.read_text()
    shown = [step for step in steps(page) if step.output is not None]
    assert page.count("```text\n") == len(shown)
    assert all(step.output and step.ways == WAYS for step in shown)


def test_blocks_are_read_with_what_stands_before_and_under_them() -> None:
    first, cluster, beside, push = steps(BLOCKS)
    assert first == Step("echo $IMAGE\n", "old\n")
    assert (cluster.ways, cluster.output) == (("local",), None)
    assert (beside.beside, beside.ways) == ("leading as", ("local",))
    assert (push.ways, push.reason) == ((), "no registry")


def test_a_comment_that_says_nothing_known_is_an_error() -> None:
    with pytest.raises(ValueError, match="run: nowhere"):
        steps(BLOCKS.replace("run: local", "run: nowhere"))


def test_new_outputs_are_written_under_their_blocks() -> None:
    written = with_outputs(BLOCKS, lambda step: "new\n" if "IMAGE" in step.script else None)
    assert written == BLOCKS.replace("old", "new")
    assert with_outputs(BLOCKS, lambda _: None) == BLOCKS


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("since 2026-11-26T08:12:40Z (1s ago)", "since 2027-01-01T00:00:00Z (12s ago)"),
        ("node-3 v1  Running", "node-1  v1\n Running"),
        ("installing Python packages\nPython environment ready in .venv\nup", "up"),
        ("hello-64wgnp6net-2 5m", "hello-5ljpdmyp7u-2 1m5s"),
    ],
)
def test_times_ages_names_and_widths_are_alike(one: str, other: str) -> None:
    assert alike(one) == alike(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("v1 runs on 3 nodes", "v2 runs on 3 nodes"),
        ("1 of 3 nodes", "2 of 3 nodes"),
        ("node-3 v1 Running", "node-3 v1 Failed"),
    ],
)
def test_what_counts_is_not(one: str, other: str) -> None:
    assert alike(one) != alike(other)


def walked(*scripts: str) -> list[str]:
    return list(walk([Step(f"{script}\n", None) for script in scripts], {"GIVEN": "it"}).values())


def test_what_a_step_exports_the_next_has() -> None:
    assert walked('export A="$GIVEN b"', 'echo "$A"') == ["", "it b\n"]


def test_a_step_prints_as_on_a_terminal() -> None:
    assert walked("tty -s <&1 && stty size <&1") == ["50 80\n"]


def test_a_command_that_fails_ends_the_walk_with_its_words() -> None:
    with pytest.raises(WalkError, match=r"exit code 3:(?s:.*)it was this"):
        walked("echo it was this >&2; exit 3")


def test_a_command_that_is_to_fail_has_to() -> None:
    assert walked("sh -c 'exit 1'    # ends with exit code 1", "echo on") == ["", "on\n"]
    with pytest.raises(WalkError, match="exit code 1"):
        walked("true    # ends with exit code 1")


def test_a_command_that_does_not_end_is_killed_and_its_words_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("quickstart.walk.PATIENCE", 1.0)
    running = tmp_path / "pid"
    with pytest.raises(WalkError, match=r"not done after 1 s:(?s:.*)it began"):
        walked(f"echo $$ >{running}; echo it be''gan; trap '' INT TERM; sleep 600")
    assert not Path("/proc", running.read_text().strip()).exists()


@pytest.fixture(params=[signal.default_int_handler, signal.SIG_IGN], ids=["in front", "behind"])
def ctrl_c(request: pytest.FixtureRequest) -> Iterator[None]:
    """Heard by this process, or ignored as by all that a shell runs in the background."""
    before = signal.signal(signal.SIGINT, request.param)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_what_runs_beside_is_waited_for_and_ended(tmp_path: Path) -> None:
    mark = tmp_path / "ended"
    said = "echo it leads >&2; seq 100"
    beside = f"trap 'touch {mark}; exit' INT\n{said}\nwhile true; do sleep 0.1; done\n"
    steps_ = [Step(beside, None, beside="it leads"), Step(f"test ! -f {mark}\n", None)]
    walk(steps_, {})
    assert mark.exists()


def test_what_does_not_begin_beside_is_told() -> None:
    with pytest.raises(WalkError, match=r"never said 'leading'(?s:.*)no such cluster"):
        walk([Step("echo no such cluster; exit 1\n", None, beside="leading")], {})
