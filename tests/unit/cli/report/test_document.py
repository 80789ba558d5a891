"""The keys of ``report -o json``."""

from __future__ import annotations

from typing import Any

import pytest

from support.told import play
from unit.cli import stories
from unit.cli.report.played import (
    reported,
)

SEGMENT = dict.fromkeys(("execution", "version", "state", "from", "until", "exact", "message"))
WINDOW = dict.fromkeys(
    ("execution", "verdict", "from", "until", "errors", "total", "rate", "limit")
)
KEYS = {
    **dict.fromkeys(("namespace", "job", "version", "fromVersion", "state", "reason", "message")),
    **dict.fromkeys(("isOpen", "from", "until")),
    "rollouts": [
        {
            **dict.fromkeys(("name", "type", "fromVersion", "toVersion", "state", "reason")),
            **dict.fromkeys(("message", "startedAt", "completedAt", "totalNodes", "updatedNodes")),
            **dict.fromkeys(("failedNodes", "wave", "waves")),
        }
    ],
    "gate": {
        **dict.fromkeys(("interval", "maxErrorRate", "successThreshold", "failureThreshold")),
        **dict.fromkeys(("minHealthyTime", "deadline")),
    },
    "waves": [
        {
            **dict.fromkeys(("wave", "isCanary", "notKept")),
            "nodes": [
                {
                    **dict.fromkeys(("node", "outcome")),
                    "segments": [SEGMENT],
                    "windows": [WINDOW],
                }
            ],
        }
    ],
    "untouched": [dict.fromkeys(("version", "nodes"))],
    "marks": [dict.fromkeys(("at", "kind", "text", "message", "node"))],
    "notKept": [None],
}


def keys(document: Any) -> Any:
    """Names of all keys, at all levels; a list stands for its first item."""
    if isinstance(document, dict):
        return {key: keys(value) for key, value in document.items()}
    return [keys(document[0])] if isinstance(document, list) and document else None


def test_programs_find_the_same_keys_in_each_release(monkeypatch: pytest.MonkeyPatch) -> None:
    told = play(stories.canary_failed, monkeypatch)
    assert keys(reported(told)) == KEYS
