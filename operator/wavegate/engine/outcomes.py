"""What can come of an action, as types: the writer decides by them, never by status codes."""

from __future__ import annotations

from dataclasses import dataclass

from wavegate.kube.errors import ApiError


@dataclass(frozen=True, slots=True)
class Done:
    """The cluster is as the action wanted it."""


@dataclass(frozen=True, slots=True)
class LookAgain:
    """The cluster is not as the plan saw it; what was found is in the cache already."""

    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """It will not succeed as it is; ``message`` names what stands in its way."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Failed:
    """It may succeed later: the server, the network or its own word (``retry_after``)."""

    error: ApiError


@dataclass(frozen=True, slots=True)
class TooSoon:
    """It has a pace of its own; not before ``at`` (epoch seconds)."""

    at: float


@dataclass(frozen=True, slots=True)
class NotLeading:
    """Another process may be leading: nothing was sent."""


Outcome = Done | LookAgain | Refused | Failed | TooSoon | NotLeading
