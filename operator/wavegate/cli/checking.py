"""What is looked at by ``check``, and what it means. Pure: answers in, verdicts out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from wavegate.cli.sight import Document, at
from wavegate.cli.why import operator_trouble

LEAST: Final = (1, 32)
"""Of the API server: selectable fields."""

KINDS: Final = (
    "executions",
    "fleetdeployments",
    "fleetjobs",
    "httpjobs",
    "jobruns",
    "jobversions",
    "ratelimitpools",
    "runbatches",
)


@dataclass(frozen=True)
class Check:
    """``verdict``: ok, wrong, or no: a right that is not needed to look, or what cannot be told."""

    what: str
    verdict: str
    says: str


def version_check(answer: Document | str) -> Check:
    """Of ``/version``."""
    what, least = "API server", ".".join(map(str, LEAST))
    if isinstance(answer, str):
        return Check(what, "wrong", answer)
    numbers = [re.sub(r"\D.*", "", str(answer.get(key, ""))) for key in ("major", "minor")]
    found = tuple(int(each) if each else 0 for each in numbers)
    told = str(answer.get("gitVersion") or ".".join(numbers))
    if found < LEAST:
        return Check(what, "wrong", f"{told}, and {least} is the least: upgrade the cluster")
    return Check(what, "ok", told)


def api_check(answer: Document | str) -> Check:
    """Of the kinds that are served."""
    what = "kinds"
    if isinstance(answer, str):
        return Check(what, "wrong", "wavegate.dev/v1alpha1 is not served: install the CRDs")
    served = {each["name"] for each in answer.get("resources") or ()}
    missing = [name for name in KINDS if name not in served]
    if missing:
        return Check(what, "wrong", f"not served: {', '.join(missing)}: install the CRDs anew")
    return Check(what, "ok", f"{', '.join(KINDS)} of wavegate.dev/v1alpha1")


def lease_check(leases: Sequence[Document] | str, now: float) -> Check:
    """Whether an operator leads."""
    what = "operator"
    if isinstance(leases, str):
        return Check(what, "no", f"cannot be told: {leases}")
    if not leases:
        return Check(what, "wrong", "there is no Lease wavegate: is the operator installed?")
    if trouble := operator_trouble(leases, now):
        return Check(what, "wrong", trouble)
    newest = max(leases, key=lambda each: str(at(each, "spec", "renewTime") or ""))
    namespace = newest["metadata"]["namespace"]
    return Check(what, "ok", f"{at(newest, 'spec', 'holderIdentity')} leads, in {namespace}")


@dataclass(frozen=True)
class _Right:
    verbs: str
    group: str
    resource: str
    needed_by: str
    changes: bool = False
    namespaced: bool = True
    subresource: str = ""


_RIGHTS: Final = (
    _Right("list", "wavegate.dev", "fleetjobs", "list, get, status, why"),
    _Right("list", "wavegate.dev", "fleetdeployments", "get, history, why"),
    _Right("list", "wavegate.dev", "executions", "get, why, logs"),
    _Right("list", "wavegate.dev", "jobversions", "plan, rollback"),
    _Right("list", "wavegate.dev", "httpjobs", "list, get, why, trigger"),
    _Right("list", "wavegate.dev", "jobruns", "runs, why"),
    _Right("list", "", "pods", "why, logs, plan"),
    _Right("list", "", "nodes", "plan, why", namespaced=False),
    _Right("list", "events.k8s.io", "events", "events"),
    _Right("get", "", "pods", "logs", subresource="log"),
    _Right("patch", "wavegate.dev", "fleetdeployments", "promote, pause, resume, cancel", True),
    _Right("create", "wavegate.dev", "fleetdeployments", "restart, rollback, stop", True),
    _Right("patch", "wavegate.dev", "fleetjobs", "suspend, unsuspend", True),
    _Right("delete", "wavegate.dev", "fleetjobs", "uninstall", True),
    _Right("create", "wavegate.dev", "jobruns", "trigger, runs replay", True),
    _Right("patch", "wavegate.dev", "jobruns", "runs cancel", True),
    _Right("patch", "wavegate.dev", "httpjobs", "enable, disable", True),
    _Right("create", "wavegate.dev", "httpjobs", "clone", True),
    _Right("delete", "wavegate.dev", "httpjobs", "uninstall", True),
)


def access_checks(allowed: Callable[[Document], bool], namespace: str) -> list[Check]:
    """What the user may do. ``allowed``: the server's answer to a SelfSubjectAccessReview."""
    checks = []
    for each in _RIGHTS:
        attributes = {"verb": each.verbs, "group": each.group, "resource": each.resource}
        if each.namespaced:
            attributes["namespace"] = namespace
        if each.subresource:
            attributes["subresource"] = each.subresource
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        resource = "/".join(part for part in (each.resource, each.subresource) if part)
        where = f" in {namespace}" if each.namespaced else ""
        what = f"you may {each.verbs} {resource}{where}"
        if allowed(review):
            checks.append(Check(what, "ok", f"for {each.needed_by}"))
        else:
            verdict = "no" if each.changes else "wrong"
            checks.append(Check(what, verdict, f"no, which is needed for {each.needed_by}"))
    return checks
