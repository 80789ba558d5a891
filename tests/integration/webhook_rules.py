"""What the API server refuses of the webhook of an HTTPJob, and in which words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from integration.api_rules import Object, Rule
from integration.run_documents import http_job


def _webhook_rules() -> Iterator[Rule]:
    key = {"name": "keys", "key": "one"}

    def hook(**given: Any) -> Object:
        whole = {"url": "https://hook.example/", "secretRefs": [key], **given}
        kept = {name: value for name, value in whole.items() if value is not None}
        return http_job(runs={"webhook": kept})

    path, good = "spec.runs.webhook", hook(events=["jobrun.failed"])
    for name in ("url", "secretRefs"):
        yield Rule(
            f"webhook without {name}", good, hook(**{name: None}), f"{path}.{name}: Required"
        )
    says = f"{path}.url: must be http:// or https://"
    for url in ("ftp://hook.example/", "https://user:word@hook.example/"):
        yield Rule(f"webhook {url}", good, hook(url=url), says)
    yield Rule("no signing key", good, hook(secretRefs=[]), f"{path}.secretRefs: Invalid value")
    yield Rule(
        "3 signing keys",
        hook(secretRefs=[key] * 2),
        hook(secretRefs=[key] * 3),
        f"{path}.secretRefs: Too many",
    )
    yield Rule("no event", good, hook(events=[]), f"{path}.events: Invalid value")
    says = f'{path}.events[0]: Unsupported value: "Failed": supported values: "jobrun.completed"'
    yield Rule("event", good, hook(events=["Failed"]), says)
    says = f"{path}.events[1]: Duplicate value"
    yield Rule("event twice", good, hook(events=["jobrun.failed"] * 2), says)


WEBHOOK_RULES: Final[tuple[Rule, ...]] = tuple(_webhook_rules())
