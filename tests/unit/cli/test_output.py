"""How things are printed: columns, spans of time, and what a terminal gets."""

from __future__ import annotations

import io

import pytest

from wavegate.cli.output import ago, is_plain, table, wrapped


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0s"),
        (0, "0s"),
        (119.9, "119s"),
        (120, "2m"),
        (7199, "119m"),
        (7200, "2h"),
        (172_799, "47h"),
        (172_800, "2d"),
    ],
)
def test_a_span_of_time_is_kubectls(seconds: float, text: str) -> None:
    assert ago(seconds) == text


def test_columns_are_aligned_and_the_last_is_cut_where_there_is_a_terminal() -> None:
    head, rows = ("A", "LONGER", "WORDS"), [("first", "x", "many " * 20)]
    assert table(head, rows, None).splitlines() == [
        "A       LONGER   WORDS",
        f"first   x        {('many ' * 20).strip()}",
    ]
    cut = table(head, rows, 50).splitlines()[1]
    assert len(cut) == 50
    assert cut.endswith("…")


def test_further_lines_are_indented() -> None:
    text = "waits for    " + "some words " * 8
    lines = wrapped(text, 60, 13).splitlines()
    assert max(map(len, lines)) <= 60
    assert all(line.startswith(" " * 13) for line in lines[1:])
    assert wrapped(text, None, 13) == text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stdout", "no_color", "plain"),
    [
        (Terminal(), "", False),
        (Terminal(), "1", True),
        (io.StringIO(), "", True),
    ],
)
def test_colour_only_on_a_terminal_and_without_no_color(
    stdout: io.StringIO, no_color: str, plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout", stdout)
    monkeypatch.setenv("NO_COLOR", no_color)
    assert is_plain() is plain
