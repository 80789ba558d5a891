"""A campaign's choice of runs, what it keeps, tells and ends with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from support.campaign import Campaign, Outcome, Shard, sample

RUNS = [f"run {number}" for number in range(20)]


def do(text: str) -> Outcome:
    if text == "run 7":
        raise KeyError("no such thing")
    return Outcome(text, "it fell\nover" if text == "run 3" else "", {"hours": 2, "red": 1})


def lasts(text: str) -> Outcome:
    return Outcome(text, counts={"red": 1})


def repeat(text: str) -> int:
    print(f"again: {text}")
    return 0


def told(number: int, counts: Counter[str]) -> str:
    return f"{number} runs, {counts['red']} red"


def runs() -> Iterator[str]:
    return iter(RUNS)


def quiet() -> None:
    pass


CAMPAIGN = Campaign("these", "", "make these RUN=", runs, do, repeat, quiet, told)


def test_what_fails_or_breaks_is_told_with_what_repeats_it_and_the_rest_goes_on(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    kept = tmp_path / "done"
    assert CAMPAIGN.main(["--jobs", "1", "--done", str(kept)]) == 1
    said = capsys.readouterr().out
    assert "FAILED make these RUN='run 3'\n       it fell\n       over\n" in said
    assert "FAILED make these RUN='run 7'\n       Traceback" in said
    assert "20 runs, 19 red; 0 runs more were done before; 2 failed; 38 simulated hours" in said
    assert set(kept.read_text().splitlines()) == {*RUNS} - {"run 3", "run 7"}


def test_what_was_done_is_not_done_again_and_what_failed_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    kept = tmp_path / "done"
    kept.write_text("".join(f"{each}\n" for each in RUNS if each != "run 3"))
    assert CAMPAIGN.main(["--jobs", "1", "--done", str(kept)]) == 1
    assert "1 runs, 1 red; 19 runs more were done before; 1 failed" in capsys.readouterr().out


def test_all_is_well_where_something_was_run_and_nothing_failed() -> None:
    assert CAMPAIGN.main(["--jobs", "1", "--only", "run 5"]) == 0
    assert CAMPAIGN.main(["--jobs", "1", "--only", "no run"]) == 1
    assert CAMPAIGN.main(["run 3"]) == 0, "one is repeated by its own words"


def test_long_runs_are_told_of_soon_and_where_nothing_is_simulated_no_hours_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    long = replace(CAMPAIGN, do=lasts, long=True)
    assert long.main(["--jobs", "1", "--most", "10"]) == 0
    said = capsys.readouterr().out
    assert "5 of 10, 0 failed" in said
    assert "10 runs, 10 red; 0 runs more were done before; 0 failed; 0 s\n" in said


def test_shards_are_all_of_it_and_no_run_twice(capsys: pytest.CaptureFixture[str]) -> None:
    found: list[str] = []
    for number in (1, 2, 3):
        CAMPAIGN.main(["--list", "--shard", f"{number}/3"])
        found += capsys.readouterr().out.splitlines()
    assert sorted(found) == sorted(RUNS)
    with pytest.raises(ValueError, match="0/3"):
        Shard.parse("0/3")


def test_a_sample_is_the_same_for_the_same_seed() -> None:
    first = list(sample(RUNS, 4, seed=1))
    assert first == list(sample(RUNS, 4, seed=1))
    assert 0 < len(first) < len(RUNS)
    assert first != list(sample(RUNS, 4, seed=2))
