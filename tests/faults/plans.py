"""Fault plans: which reference rollout, where, and what goes wrong there.

An address names the n-th of the requests of one verb for one object, or the n-th event of a watch
about one object; of any object, where its name is ``*``. As text:
``R1 + C1 POST executions app-kdjq2x-2 1``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wavegate.simulation.server import parse
from wavegate.simulation.transport import Request


@dataclass(frozen=True, order=True)
class Address:
    """``verb``: an HTTP method, or WATCH."""

    verb: str
    resource: str
    name: str
    number: int
    overall: int = field(default=0, compare=False)

    @property
    def anonymous(self) -> Address:
        """The same place, counted over all names."""
        return Address(self.verb, self.resource, "*", self.overall)

    def __str__(self) -> str:
        return f"{self.verb} {self.resource} {self.name} {self.number}"


@dataclass(frozen=True)
class Plan:
    """``faults``: each an address and the name of what goes wrong there (`troubles.FAULTS`)."""

    rollout: str
    faults: tuple[tuple[Address, str], ...] = ()

    @property
    def is_outside(self) -> bool:
        """Whether something befalls nodes or children, so that it may end elsewhere."""
        return any(fault.startswith(("N1", "X1")) for _, fault in self.faults)

    def __str__(self) -> str:
        return " + ".join([self.rollout, *(f"{fault} {at}" for at, fault in self.faults)])


def parse_plan(text: str) -> Plan:
    """The plan that is printed as ``text``."""
    rollout, *faults = text.split(" + ")
    found = []
    for each in faults:
        fault, verb, resource, name, number = each.split(" ")
        found.append((Address(verb, resource, name, int(number)), fault))
    return Plan(rollout, tuple(found))


class Addresses:
    """Counts requests and events into addresses."""

    def __init__(self) -> None:
        self._numbers: Counter[tuple[str, str, str]] = Counter()

    def of_request(self, request: Request) -> Address | None:
        """None for a read, and for what keeps the Lease."""
        if request.method == "GET":
            return None
        target = parse(request.path)
        resource, name = target.kind.resource.plural, target.name
        if resource == "leases":
            return None
        if target.subresource:
            resource += f"/{target.subresource}"
        return self._next(request.method, resource, name or _name_of(request.body))

    def of_event(self, path: str, event: Mapping[str, Any]) -> Address | None:
        """None for what is about no object."""
        metadata = event["object"].get("metadata", {})
        if event["type"] not in ("ADDED", "MODIFIED", "DELETED") or "name" not in metadata:
            return None
        resource = parse(path).kind.resource.plural
        return None if resource == "leases" else self._next("WATCH", resource, metadata["name"])

    def _next(self, verb: str, resource: str, name: str) -> Address:
        key, over = (verb, resource, name), (verb, resource, "*")
        self._numbers[key] += 1
        self._numbers[over] += 1
        return Address(*key, self._numbers[key], self._numbers[over])


def _name_of(body: Mapping[str, Any]) -> str:
    if "regarding" in body:
        return f"{body['regarding']['name']}/{body['reason']}"
    metadata = body["metadata"]
    return str(metadata.get("name") or metadata["generateName"])
