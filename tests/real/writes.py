"""Which writes an operator process may send at all."""

from __future__ import annotations

from typing import Final

from real.proxy import Passed

MADE: Final = {"jobversions", "fleetdeployments", "executions", "pods", "configmaps", "events"}
REPORTED: Final = {"fleetjobs", "jobversions", "fleetdeployments", "executions"}
REMOVED: Final = {"jobversions", "fleetdeployments", "executions", "pods"}
KEPT: Final = {"leases"}


def foreign(passed: Passed) -> bool:
    """Whether a process wrote what it may not, or without the conditions that guard it.

    It makes children, each with an owner; of what there is it writes the status alone, at a
    revision; it removes what it has seen, by uid and revision.
    """
    if not passed.writes:
        return False
    *_, last = parts = passed.path.split("/")
    body = passed.body
    match passed.method:
        case "POST" if last == "events" or last in KEPT:
            return False
        case "POST":
            owned = bool(body["metadata"].get("ownerReferences")) or "dryRun" in passed.query
            return last not in MADE or not owned
        case "PUT" if last == "status":
            return parts[-3] not in REPORTED or not body["metadata"].get("resourceVersion")
        case "PUT":
            return parts[-2] not in KEPT
        case "DELETE":
            conditions = body.get("preconditions", {}) if body else {}
            return parts[-2] not in REMOVED or conditions.keys() != {"uid", "resourceVersion"}
        case _:
            return True
