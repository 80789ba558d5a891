"""``make rows``: every field of the API and every rule, the tests that hold it, and where they run.

The fields are read from the models, so that a new one without a test shows up by itself. A test
names what it holds by ``@pytest.mark.row("spec.rollout.canaryCount", "Gate")``. A field without a
kind before it is the FleetJob's, or, where that has none of this name, every kind's that has it;
``FleetDeployment.spec.paused`` says which. The name of an object means all fields below it.
"""

from __future__ import annotations

import contextlib
import io
import sys
import types
import typing
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from wavegate.api.crds import KINDS

ROOT = Path(__file__).resolve().parent.parent
MAIN_KIND = "FleetJob"

RULES = (
    "Absent",
    "Attempts",
    "Blame",
    "Budget",
    "Cancel",
    "Canonical form",
    "Catch-up",
    "Claim",
    "Conditions",
    "Cordon",
    "Deadline",
    "Deletion",
    "End",
    "Evidence",
    "Fallback",
    "Gate",
    "Immediate",
    "Joiner",
    "Judging",
    "Kept",
    "Leaving",
    "Occupied",
    "One open deployment",
    "One-shot types",
    "Pause",
    "Places",
    "Pre-pull",
    "Promote",
    "Restart",
    "Retention",
    "Rollback",
    "Rollback to a version",
    "Stable version",
    "Stop",
    "Suspend",
    "Targets",
    "Unreadable",
    "Up to date",
    "User deployments",
    "Verdict",
    "Versions",
    "Wanted version",
    "Waiting",
    "Waves",
    "Windows",
    "Workload hash",
)
"""The rules by name; docs/architecture.md says where each one lives."""


class Collector:
    """A pytest plugin that keeps what the tests say they hold to."""

    def __init__(self) -> None:
        self.held: dict[str, list[tuple[str, str]]] = defaultdict(list)
        """By name of a row: where the test runs, and its id without parameters."""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            for mark in item.iter_markers("row"):
                for name in mark.args:
                    test = (layer(item), item.nodeid.partition("[")[0])
                    if test not in self.held[name]:
                        self.held[name].append(test)


def layer(item: pytest.Item) -> str:
    """The kind of cluster that a test runs on."""
    if item.get_closest_marker("nodes"):
        return "real nodes"
    if item.get_closest_marker("cluster"):
        return "real API server"
    return "simulation" if item.nodeid.startswith("tests/sim/") else "unit"


def fields() -> list[str]:
    """Path of every leaf field, its kind before it: ``FleetJob.spec.selector.matchIds``."""
    return [f"{MAIN_KIND}.metadata.name"] + [
        f"{kind.kind}.{path}"
        for kind in KINDS
        for root, model in (("spec", kind.spec), ("status", kind.status))
        if model is not None
        for path in leaves(root, model)
    ]


def leaves(path: str, model: type[BaseModel]) -> Iterator[str]:
    for field in model.model_fields.values():
        child, below = f"{path}.{field.alias}", _model_in(field.annotation)
        if below is None:
            yield child
        elif typing.get_origin(_without_none(field.annotation)) is list:
            yield from leaves(f"{child}[]", below)
        else:
            yield from leaves(child, below)


def _without_none(annotation: object) -> object:
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        given = [each for each in typing.get_args(annotation) if each is not type(None)]
        return given[0] if len(given) == 1 else annotation
    return annotation


def _model_in(annotation: object) -> type[BaseModel] | None:
    inner = _without_none(annotation)
    if typing.get_origin(inner) is list:
        inner = typing.get_args(inner)[0]
    return inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None


def rows_of(name: str, rows: list[str]) -> list[str]:
    """The rows that a marker's name means; none where it is unknown."""
    if name in RULES:
        return [name]
    kinds = tuple(f"{kind.kind}." for kind in KINDS)
    full = [name] if name.startswith(kinds) else [kind + name for kind in kinds]
    found = [row for each in full for row in rows if _holds(each, row)]
    main = [row for row in found if row.startswith(f"{MAIN_KIND}.")]
    return main if main and not name.startswith(kinds) else found


def _holds(name: str, row: str) -> bool:
    """The field itself, one below it, or a document of any content that has it."""
    return row == name or row.startswith((f"{name}.", f"{name}[].")) or name.startswith(f"{row}.")


def collect() -> dict[str, list[tuple[str, str]]]:
    """What all tests of the repository hold to. Raises RuntimeError if they cannot be collected."""
    collector, said = Collector(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        options = ["--collect-only", "-q", "-p", "no:cacheprovider", f"--rootdir={ROOT}"]
        code = pytest.main([*options, "-c", str(ROOT / "pyproject.toml")], plugins=[collector])
    if code != 0:
        raise RuntimeError(said.getvalue())
    return collector.held


def main() -> int:
    rows = fields()
    tests: dict[str, list[tuple[str, str]]] = {row: [] for row in [*rows, *RULES]}
    unknown = []
    for name, held in sorted(collect().items()):
        meant = rows_of(name, rows)
        for row in meant:
            tests[row] += held
        if not meant:
            unknown += [f"{name}: {test}" for _, test in held]
    for row, held in tests.items():
        for where, test in sorted(set(held)) or [("-", "no test")]:
            print(f"{row:55} {where:16} {test}")
    missing = [row for row, held in tests.items() if not held]
    real = [row for row, held in tests.items() if any(w.startswith("real") for w, _ in held)]
    print(f"{len(tests)} rows, {len(real)} of them with a test on a real cluster")
    if missing:
        print(f"no test holds to {len(missing)} rows:", *missing, sep="\n  ")
    if unknown:
        print("neither a field nor a rule (RULES in hack/rows.py):", *unknown, sep="\n  ")
    return 1 if missing or unknown else 0


if __name__ == "__main__":
    sys.exit(main())
