"""The chart's alerts, dashboards and what they name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from wavelab import machine

ROOT = Path(__file__).parents[2]
FILES = ROOT / "charts" / "wavegate" / "files"
RULES_FILE = FILES / "alerts.yaml"
RUNBOOKS = ROOT / "docs" / "operations" / "runbooks.md"

_NAME = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b")
_STANDARD = ("controller_runtime_", "workqueue_", "rest_client_", "leader_election_", "process_")
_PARTS = ("_bucket", "_sum", "_count")


@dataclass(frozen=True)
class Query:
    """A panel's query, as the dashboard has it."""

    dashboard: str
    panel: str
    legend: str
    expr: str


def promtool() -> Path:
    """Debian's promtool; nothing of its package is installed."""
    return machine.unpacked("prometheus") / "usr" / "bin" / "promtool"


def rules() -> list[dict[str, Any]]:
    """The alerts of all groups."""
    document = yaml.safe_load(RULES_FILE.read_text())
    return [dict(rule) for group in document["groups"] for rule in group["rules"]]


def queries() -> Iterator[Query]:
    """All queries of all dashboards."""
    for path in sorted((FILES / "dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                yield Query(path.stem, panel["title"], target["legendFormat"], target["expr"])


def metrics_in(expr: str) -> set[str]:
    """Names of the metrics in a query, parts of histograms by the histogram's name."""
    found = {name for name in _NAME.findall(re.sub(r'"[^"]*"', "", expr)) if _is_metric(name)}
    return {name.removesuffix(next((p for p in _PARTS if name.endswith(p)), "")) for name in found}


def _is_metric(name: str) -> bool:
    return name.startswith(("wavegate_", *_STANDARD))


def shortened(text: str) -> str:
    """The rule file for a test's patience: what is minutes or hours is seconds.

    ``for: 5m`` and ``[10m]`` become a second and ten; ``> 4 * 3600`` becomes ``> 4``.
    """
    text = re.sub(r"for: \d+m\b", "for: 1s", text)
    text = re.sub(r"\[(\d+)m\]", r"[\1s]", text)
    return re.sub(r"(\d+) \* (?:3600|60)\b", r"\1", text)
