"""The shape of the code, checked: layers, source roots, sizes."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OPERATOR = ROOT / "operator"
MOST_LINES = 450

PURE = ("api", "domain", "runs", "drivers")
SHELL = (
    "engine",
    "handlers",
    "cache",
    "watch",
    "kube",
    "health",
    "dispatch",
    "runner",
    "telemetry",
)


def sources(*packages: str) -> Iterator[Path]:
    for package in packages:
        yield from sorted((OPERATOR / "wavegate" / package).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_contracts_of_the_import_linter_are_kept():
    lint = Path(sys.executable).parent / "lint-imports"
    result = subprocess.run(
        [lint, "--no-cache"],
        cwd=ROOT,
        env={"PYTHONPATH": str(OPERATOR), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_source_root_is_no_package_and_so_does_not_shadow_the_standard_library():
    assert not (OPERATOR / "__init__.py").exists()


@pytest.mark.parametrize("part", ["operator", "hack", "bench", "tests"])
def test_no_file_is_longer_than_one_reads(part: str):
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for path in (ROOT / part).rglob("*.py")
    }
    too_long = {name: lines for name, lines in lengths.items() if lines > MOST_LINES}
    assert not too_long


def test_the_operator_does_not_know_its_simulation():
    for path in (OPERATOR / "wavegate").rglob("*.py"):
        if "simulation" not in path.parts and "cli" not in path.parts:
            assert not [n for n in imports(path) if n.startswith("wavegate.simulation")], path


def test_kopf_frames_the_process_and_is_known_nowhere_else():
    users = {
        path.relative_to(OPERATOR / "wavegate").parts[0]
        for path in sources(*PURE, *SHELL)
        if any(name.split(".")[0] == "kopf" for name in imports(path))
    }
    assert users == {"handlers"}


def test_the_client_of_the_cluster_is_known_to_kube_alone():
    users = {
        path.relative_to(OPERATOR / "wavegate").parts[0]
        for path in sources(*PURE, *SHELL)
        if any(name.split(".")[0] == "kubernetes" for name in imports(path))
    }
    assert users == {"kube"}


@pytest.mark.parametrize("module", ["time", "random", "uuid", "secrets"])
def test_the_rules_know_neither_clock_nor_chance(module: str):
    for path in sources("domain", "drivers"):
        assert module not in set(imports(path)), path
