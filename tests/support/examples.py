"""Every object that users are shown: the files of examples/, the README's and those of docs/."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]

_YAML_BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_NEEDS = re.compile(r"^# Needs: (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Example:
    """The objects of one file, in its order, and what it says of the operator."""

    source: str
    objects: tuple[dict[str, Any], ...]
    needs: tuple[str, ...] = ()
    """What an operator as it comes lacks for it, from comments such as ``# Needs: --option``: the
    words by which the job's condition Stalled then names it."""

    @property
    def jobs(self) -> list[dict[str, Any]]:
        return self.of("FleetJob")

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Its objects of a kind."""
        return [each for each in self.objects if each["kind"] == kind]


def example_files() -> list[Example]:
    """Each file of examples/, whatever it is called."""
    return [_read(path.name, path.read_text()) for path in sorted(ROOT.glob("examples/**/*.yaml"))]


def shown_in_readme() -> list[Example]:
    """Each YAML block of README.md that is an object of ours."""
    blocks = _YAML_BLOCK.findall((ROOT / "README.md").read_text())
    return [
        _read(f"README.md block {number}", block)
        for number, block in enumerate(blocks, 1)
        if "apiVersion: wavegate.dev/" in block
    ]


def shown_on_pages() -> list[Example]:
    """Each YAML block of docs/ that has an object of ours."""
    return [
        _read(f"{page.relative_to(ROOT)} block {number}", block)
        for page in sorted((ROOT / "docs").rglob("*.md"))
        for number, block in enumerate(_YAML_BLOCK.findall(page.read_text()), 1)
        if "apiVersion: wavegate.dev/" in block
    ]


def _read(source: str, text: str) -> Example:
    objects = tuple(each for each in yaml.safe_load_all(text) if each)
    return Example(source, objects, tuple(_NEEDS.findall(text)))
