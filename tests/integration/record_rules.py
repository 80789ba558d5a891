"""Rules of the CRDs of the operator's own records; see `api_rules`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from integration.api_rules import Rule, execution, version, without


def _rules() -> Iterator[Rule]:
    yield Rule("version number", version(version=1), version(version=0), "spec.version: Invalid")
    yield Rule(
        "version hash",
        version(driver={"image": "i", "revision": "1"}),
        without(version(), "workloadHash"),
        "spec.workloadHash: Required value",
    )
    yield Rule("attempt", execution(attempt=1), execution(attempt=0), "spec.attempt: Invalid")
    yield Rule("wave", execution(rolloutWave=0), execution(rolloutWave=-1), "spec.rolloutWave")
    yield Rule(
        "node uid", execution(), without(execution(), "nodeUid"), "spec.nodeUid: Required value"
    )


RECORD_RULES: Final[tuple[Rule, ...]] = tuple(_rules())
