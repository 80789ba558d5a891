"""The page of events, from the list of their reasons."""

from __future__ import annotations

from typing import Final

from wavegate.api.events import EVENTS
from wavegate.reference.markdown import page, table

_INTRODUCTION: Final = """\
`kubectl events --for fleetdeployment/NAME` (or `fleetjob/NAME`, `httpjob/NAME`) shows them. An
event says that something has become so; what is so is in the object's status. It is told after the
write of that status has succeeded, and is nobody's to rely on: one that cannot be sent is lost. The
same words about the same object are told once in ten minutes: what came meanwhile is counted, and
the next event has the count as its series.

The number of events of a rollout is that of its waves and of what people do to it, and does not
grow with its nodes: what each execution came to is in its status and in the operator's log. What a
run came to is in its status, too; on its job only the ways are told in which runs fail."""


def events_page() -> str:
    """The whole page, ending with a newline."""
    return page(
        "# Events",
        _INTRODUCTION,
        "## On a FleetDeployment",
        _table("FleetDeployment"),
        "## On a FleetJob",
        _table("FleetJob"),
        "## On an HTTPJob",
        _table("HTTPJob"),
    )


def _table(kind: str) -> str:
    rows = [
        (f"`{each.reason}`", each.type, each.description) for each in EVENTS if each.kind == kind
    ]
    return table(("reason", "type", "what has become so"), rows)
