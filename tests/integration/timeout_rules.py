"""Rows of the table in api_rules.py that are about timeouts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from integration.api_rules import Rule, container, job


def _timeout_rules() -> Iterator[Rule]:
    for name in ("execution", "queue", "total"):
        field = f"spec.timeouts.{name}"
        range_ = f"{field}: must be 0s (none) or between 1s and 8760h"
        for good, bad, says in (
            ("0s", "999ms", range_),
            ("8760h", "8760h1s", range_),
            ("1s", "-1s", f"{field}: Invalid value"),
        ):
            right, wrong = job(timeouts={name: good}), job(timeouts={name: bad})
            yield Rule(f"timeouts {name} {bad}", right, wrong, says)
    yield Rule(
        "template activeDeadlineSeconds",
        container({"terminationGracePeriodSeconds": 5}),
        container({"activeDeadlineSeconds": 5}),
        "spec.template.spec.activeDeadlineSeconds: is not allowed; set spec.timeouts.execution",
    )


TIMEOUT_RULES: Final[tuple[Rule, ...]] = tuple(_timeout_rules())
