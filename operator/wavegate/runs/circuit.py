"""Circuits: an endpoint that is not well is left alone for a while, whatever the job.

| circuit | may be called | becomes |
| --- | --- | --- |
| closed | yes | open, after 5 calls in a row whose end says that the endpoint is not well |
| open, 60 s | no | half-open, once they are over |
| half-open | yes: one call, the probe | closed or open, as the probe says |
| half-open, probe under way | no | half-open again, 60 s after the probe began |

The last row is for a probe that never reports: its process ended, or its run was canceled. One that
merely takes long still decides when it ends.

What an end says of the endpoint:

| outcome | says |
| --- | --- |
| time-outs; connect, DNS and TLS failures; resets | it is not well |
| Unavailable: 408, 425, 429 and the 5xx that are retried | the same: more calls do not help it |
| Completed, Accepted, Rejected, BadAnswer, AnswerTooLarge | it answers |
| Crashed, AddressRefused, SourceUnreadable, CallbacksOff | nothing |

A call that began before the circuit opened says nothing of it any more: of a hundred calls to an
endpoint that is gone, the last time-outs would otherwise be taken for the probe's.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Final

from wavegate.domain.times import format_time
from wavegate.runs.answers import AttemptOutcome
from wavegate.runs.held import Held

FAILURES: Final = 5
OPEN_FOR: Final = 60.0
MOST_ENDPOINTS: Final = 10_000
"""Endpoints that failed last and are remembered; beyond it the one that failed longest ago is
forgotten."""

_NOT_WELL: Final[frozenset[AttemptOutcome]] = frozenset(
    {"Unavailable", "TimedOut", "ConnectFailed", "DnsFailed", "TlsFailed", "Reset"}
)
_ANSWERS: Final[frozenset[AttemptOutcome]] = frozenset(
    {"Completed", "Accepted", "Rejected", "BadAnswer", "AnswerTooLarge"}
)


@dataclass(slots=True)
class _Circuit:
    """Of an endpoint whose last call failed."""

    failures: int = 0
    """In a row."""
    opened: float | None = None
    """When it opened last; None: it is closed."""
    free: float = 0.0
    """When the next call may begin, where it is not closed."""


def circuit_holds(endpoint: str, held: Mapping[str, float], probing: Container[str]) -> Held | None:
    """Why an endpoint is not called now.

    ``held``: by endpoint, until when (epoch seconds) its circuit is open; ``probing``: those that
    are being tried.
    """
    until = held.get(endpoint)
    if until is None and endpoint not in probing:
        return None
    words = f"calls of {endpoint} have failed in a row; one is tried"
    if until is None:
        return Held("CircuitOpen", f"{words} now")
    return Held("CircuitOpen", f"{words} at {format_time(until)}", until)


class Circuits:
    """The circuits of all endpoints, each a ``scheme://host:port``.

    ``now`` and ``began`` are seconds of one clock, whichever. A process that begins knows nothing
    and calls: it has to learn for itself.
    """

    def __init__(self) -> None:
        self._circuits: dict[str, _Circuit] = {}

    def held(self, now: float) -> tuple[dict[str, float], frozenset[str]]:
        """Endpoints that are not to be called, until when; and those to be called once now."""
        opened = [each for each, circuit in self._circuits.items() if circuit.opened is not None]
        until = {each: self.held_until(each, now) for each in opened}
        waiting = {each: time for each, time in until.items() if time is not None}
        return waiting, frozenset(opened) - waiting.keys()

    def held_until(self, endpoint: str, now: float) -> float | None:
        """When the next call may begin at the latest; None: now."""
        circuit = self._circuits.get(endpoint)
        if circuit is None or circuit.opened is None or now >= circuit.free:
            return None
        return circuit.free

    def next_is_probe(self, endpoint: str) -> bool:
        """Whether the next call that may begin is the only one until it has ended."""
        circuit = self._circuits.get(endpoint)
        return circuit is not None and circuit.opened is not None

    def begun(self, endpoint: str, now: float) -> None:
        """A call begins that may."""
        circuit = self._circuits.get(endpoint)
        if circuit is not None and circuit.opened is not None:
            circuit.free = now + OPEN_FOR

    def ended(self, endpoint: str, outcome: AttemptOutcome, began: float, now: float) -> None:
        """A call that began at ``began`` has ended."""
        circuit = self._circuits.get(endpoint)
        opened = circuit.opened if circuit is not None else None
        # While it was open only calls began that were decided on before.
        if opened is not None and began < opened + OPEN_FOR:
            return
        if outcome in _ANSWERS:
            self._circuits.pop(endpoint, None)
        elif outcome in _NOT_WELL:
            self._failed(endpoint, now)
        elif circuit is not None:
            circuit.free = now

    def _failed(self, endpoint: str, now: float) -> None:
        # Put at the end, so that the first one is the one that failed longest ago.
        circuit = self._circuits.pop(endpoint, None) or _Circuit()
        self._circuits[endpoint] = circuit
        circuit.failures += 1
        if circuit.failures >= FAILURES:
            circuit.opened, circuit.free = now, now + OPEN_FOR
        if len(self._circuits) > MOST_ENDPOINTS:
            del self._circuits[next(iter(self._circuits))]
