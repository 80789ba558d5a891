"""The command line of the benchmark, and what is kept of runs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as bench
from bench import check, growth, machine, rangespec, runs, store
from bench.contenders import DaemonSet
from bench.rangespec import Ratio, Ratios
from bench.scenarios import SCENARIOS


@pytest.fixture(autouse=True)
def versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Go toolchain is not asked for its version."""
    monkeypatch.setattr(machine, "versions", lambda: {"commit": "def", "processors": 2})


def parsed(*words: str) -> argparse.Namespace:
    return bench.parser().parse_args(words)


def test_a_run_has_all_parts_and_is_of_a_thousand_nodes():
    options = parsed("run")
    assert options.nodes == 1000
    assert set(options.scenarios) == {"comparison", *SCENARIOS}
    assert parsed("run", "--scenarios", "idle,comparison").scenarios == ("idle", "comparison")


def test_a_part_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        parsed("run", "--scenarios", "idle,flood")
    assert "flood: there are comparison, idle, bad-canary" in capsys.readouterr().err


def test_sizes_are_chosen_and_0_is_none():
    assert parsed("growth").nodes == growth.NODES
    options = parsed("growth", "--nodes", "100,500", "--jobs", "0")
    assert (options.nodes, options.jobs) == ((100, 500), ())


@pytest.fixture
def without_clusters(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What would be measured, in its order; it has come out by itself."""
    asked: list[tuple[str, int]] = []

    def measured(dimension: str) -> Callable[..., Any]:
        async def measure(size: int, place: Path, say: Callable[[str], None]) -> dict[str, Any]:
            asked.append((dimension, size))
            return {dimension: size, "rows": []}

        return measure

    monkeypatch.setattr(growth, "measure_nodes", measured("nodes"))
    monkeypatch.setattr(growth, "measure_jobs", measured("jobs"))
    return asked


def test_what_was_measured_of_this_code_is_not_measured_again(
    tmp_path: Path, without_clusters: list[tuple[str, int]]
):
    out = f"--out={tmp_path}"
    assert bench.main([out, "growth", "--nodes=100", "--jobs=1"]) == 0
    assert bench.main([out, "growth", "--nodes=100,500", "--jobs=1,100"]) == 0
    assert without_clusters == [("nodes", 100), ("jobs", 1), ("nodes", 500), ("jobs", 100)]
    place = tmp_path / "growth" / machine.code()
    assert [record["run"] for record in store.load(place)] == [1, 2, 3, 4]


CREATED: dict[str, Any] = {
    "limits": "raised",
    "contender": "fleetjob",
    "act": "create",
    "peak_mib": {"operator": 100.0},
    "mib_at_begin": {"operator": 80.0},
}
MEMORY = "peak of memory to create, to what it began with"


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A rangespec.yaml of one's own, where one ratio is all there is; a run stores 1.25 of it."""
    file = tmp_path / "rangespec.yaml"
    file.write_text(rangespec.FILE.read_text())
    rangespec.write_ratios(Ratios(300, 5, "make", "abc", {MEMORY: Ratio(1.2, 1.2, 1.2, 1.3)}), file)
    monkeypatch.setattr(check, "RATIOS", {MEMORY: check.RATIOS[MEMORY]})
    load, write = rangespec.load, rangespec.write_ratios
    monkeypatch.setattr(rangespec, "load", lambda: load(file))
    monkeypatch.setattr(rangespec, "write_ratios", lambda ratios: write(ratios, file))

    async def compare(self: runs.Run, blocks: Sequence[object]) -> store.Record:
        record = {**self._record, "rows": [{**CREATED, "limits": "raised"}]}
        store.save(self.place, record, self.say)
        return record

    monkeypatch.setattr(runs.Run, "compare", compare)
    return file


def test_a_check_that_keeps_to_its_limits_is_well(
    tmp_path: Path, spec: Path, capsys: pytest.CaptureFixture[str]
):
    assert bench.main([f"--out={tmp_path}", "check"]) == 0
    assert f"{MEMORY}: 1.25 (at most 1.30)" in capsys.readouterr().out


def test_one_that_does_not_says_what_a_person_needs(
    tmp_path: Path, spec: Path, capsys: pytest.CaptureFixture[str]
):
    limits = {MEMORY: Ratio(1.1, 1.1, 1.1, 1.2)}
    rangespec.write_ratios(Ratios(300, 5, "make", "abc", limits))
    assert bench.main([f"--out={tmp_path}", "check"]) == 1
    told = capsys.readouterr().out
    assert f"{MEMORY}: 1.25, and at most 1.20; it was 1.10 to 1.10" in told
    assert "300-nodes-" in told
    assert "make bench-check MEASURE=5" in told


def test_measuring_completes_the_runs_that_there_are_and_writes_the_limits(
    tmp_path: Path, spec: Path
):
    out = f"--out={tmp_path}"
    assert bench.main([out, "check", "--nodes=40"]) == 0
    assert bench.main([out, "check", "--nodes=40", "--measure=5"]) == 0
    place = store.directory(tmp_path / "check", 40, machine.code())
    assert [record["run"] for record in store.load(place)] == [1, 2, 3, 4, 5]
    ratios = rangespec.load().ratios
    assert (ratios.nodes, ratios.runs) == (40, 5)
    assert ratios.command == "make bench-check MEASURE=5 NODES=40"
    assert ratios.limits == {MEMORY: Ratio(1.25, 1.25, 1.25, 1.375)}


def test_fewer_than_five_runs_give_no_limits(
    tmp_path: Path, spec: Path, capsys: pytest.CaptureFixture[str]
):
    before = spec.read_text()
    assert bench.main([f"--out={tmp_path}", "check", "--measure=4"]) == 1
    assert "5 at least" in capsys.readouterr().err
    assert spec.read_text() == before


@pytest.mark.parametrize(
    ("nodes", "limits", "shipped_daemons"),
    [(1000, None, True), (1001, None, False), (1000, "raised", False)],
)
async def test_a_daemonset_as_shipped_is_left_out_with_many_nodes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    nodes: int,
    limits: str | None,
    shipped_daemons: bool,
):
    compared: list[runs.Block] = []

    async def compare(self: runs.Run, blocks: Sequence[runs.Block]) -> store.Record:
        compared.extend(blocks)
        return {}

    monkeypatch.setattr(runs.Run, "compare", compare)
    await runs.Run(nodes, 1, tmp_path, print).play(("comparison",), limits)
    assert (("shipped", DaemonSet) in compared) == shipped_daemons
    assert ("raised", DaemonSet) in compared
