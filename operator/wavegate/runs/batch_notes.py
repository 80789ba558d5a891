"""What is said of a batch's status that is written: once when it is accepted, once when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wavegate.domain.actions import Note


def of_batch(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Note, ...]:
    """What has become so, from one status to the next."""
    state = after["state"]
    if state == before.get("state") or state == "Pending":
        return ()
    facts = {"batch": name, "reason": after["reason"]}
    if state == "Running":
        words = f"{name} is accepted: {after['message']}"
        return (Note("BatchAccepted", words, facts=facts, is_event=False),)
    bad = state in ("Failed", "Refused")
    return (Note(f"Batch{state}", after["message"], warning=bad, facts=facts),)
