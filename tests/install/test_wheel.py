"""Two builds of the wheel, in other places and at other times, are the same file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.chart import ROOT

pytestmark = [pytest.mark.nodes, pytest.mark.install]

PARTS = ("pyproject.toml", "README.md", "LICENSE", "operator")


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with what builds the wheel, by its lock, as in the image."""
    home = tmp_path_factory.mktemp("builder")
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    lock = str(ROOT / "requirements-build.lock")
    pip = [str(home / "bin" / "pip"), "install", "--quiet", "--require-hashes", "-r", lock]
    subprocess.run(pip, check=True)
    return home / "bin" / "pip"


def built(pip: Path, source: Path, seconds: int, mask: int) -> tuple[str, bytes]:
    """Name and content of the wheel of a copy whose files are of another time and mode."""
    source.mkdir()
    for part in PARTS:
        path = ROOT / part
        skipped = shutil.ignore_patterns("__pycache__")
        copied = (
            shutil.copytree(path, source / part, ignore=skipped)
            if path.is_dir()
            else shutil.copy(path, source / part)
        )
        for each in [Path(copied), *Path(copied).rglob("*")]:
            each.chmod((0o777 if each.is_dir() else 0o666) & ~mask)
            os.utime(each, (seconds, seconds))
    command = [str(pip), "wheel", "--quiet", "--no-build-isolation", "--no-deps"]
    target = source / "dist"
    subprocess.run([*command, "--wheel-dir", str(target), str(source)], check=True)
    (wheel,) = target.glob("*.whl")
    return wheel.name, wheel.read_bytes()


def test_two_builds_are_identical(builder: Path, tmp_path: Path) -> None:
    first = built(builder, tmp_path / "one", 1_000_000_000, 0o022)
    second = built(builder, tmp_path / "another", 1_700_000_000, 0o077)
    assert first == second
    assert len(first[1]) > 100_000
