"""State diagrams in Mermaid's language, from the transition tables of the rules.

GitHub draws a fenced block of language ``mermaid``. An empty state is the diagram's beginning,
states that are never left are its ends. What may happen in every other state is drawn once, from
the box around them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from wavegate.api.jobrun import Phase
from wavegate.domain import blame, executions, gate, rollback, rollout
from wavegate.reference.tables import docstring_table
from wavegate.runs import batch_states, states

Transition = tuple[str, str, str]

_EDGE: Final = "[*]"


def state_diagram(transitions: Sequence[Transition], box: str) -> str:
    """The diagram's text, one arrow a line; ``box``: name of the box, the states' common word."""
    rows = list(dict.fromkeys(transitions))
    passing = list(dict.fromkeys(before for before, _, _ in rows if before))
    finals = [each for each in dict.fromkeys(row[2] for row in rows) if each not in passing]
    shared = [
        final
        for final in finals
        if len(passing) > 1 and set(passing) <= {row[0] for row in rows if row[2] == final}
    ]
    inside = [row for row in rows if row[2] not in finals]
    past = [row for row in rows if not row[0] and row[2] in finals]
    own = [row for row in rows if row[0] and row[2] in finals and row[2] not in shared]
    common = [(box, event, after) for before, event, after in rows if before and after in shared]
    lines = ["stateDiagram-v2"]
    if shared:
        lines += [f"    {_EDGE} --> {box}", f"    state {box} {{"]
        lines += [*(f"    {line}" for line in _arrows(inside)), "    }"]
    else:
        lines += _arrows(inside)
    lines += _arrows([*past, *own, *common])
    lines += [f"    {each} --> {_EDGE}" for each in finals]
    return "\n".join(lines)


def _arrows(rows: Iterable[Transition]) -> list[str]:
    """One arrow for each pair of states, with all that may happen between them."""
    events: dict[tuple[str, str], list[str]] = {}
    for before, event, after in rows:
        events.setdefault((before or _EDGE, after), []).append(_words(event))
    return [
        f"    {before} --> {after}: {'<br/>'.join(dict.fromkeys(each))}"
        for (before, after), each in events.items()
    ]


def _words(event: str) -> str:
    """Words as Mermaid takes them: a colon or semicolon would end them."""
    return event.replace(":", ",").replace(";", ",")


def _of_gate() -> list[Transition]:
    names = {each: each.name.title().replace("_", "") for each in gate.Gate}
    names[gate.Gate.AWAITING] = "AwaitingPromotion"  # as the status has it
    rows = [(names[before], event, names[after]) for before, event, after in gate.TRANSITIONS]
    return [("", "a Canary rollout begins", names[gate.Gate.JUDGING]), *rows]


def _of_budget() -> list[Transition]:
    """How a rollout that has begun ends by itself."""
    ends = ("Completed", "Failed")
    rows = [row for row in rollout.TRANSITIONS if row[0] == "InProgress" and row[2] in ends]
    return [("", "its waves go on", "InProgress"), *rows]


def _of_rollback() -> list[Transition]:
    rows: list[Transition] = [("", "a rollout ended", "Ended")]
    for ending, _, goes_to in docstring_table(rollback)[1:]:
        rows.append(("Ended", ending, "NoRollback" if goes_to == "none" else "Rollback"))
    return rows


def _of_blame() -> list[Transition]:
    rows: list[Transition] = [("", "taken by a wave", "Judged")]
    for event, verdict in docstring_table(blame)[1:]:
        cause, _, reason = verdict.partition(": ")
        after = "Withdrawn" if cause == "withdrawn" else "VersionCaused"
        rows.append(("Judged", f"{event}: {reason}" if reason else event, after))
    return rows


_RUN_EVENTS: Final[Mapping[tuple[str, str], str]] = {
    ("", "Queued"): "asked for",
    ("", "Delayed"): "asked for, its notBefore lies ahead",
    ("Delayed", "Queued"): "its time has come",
    ("Queued", "Executing"): "its attempt begins",
    ("Queued", "Waiting"): "a dependency is not met",
    ("Waiting", "Queued"): "its dependencies are met",
    ("Executing", "Queued"): "failed, and is tried again",
    ("Executing", "Completed"): "2xx",
    ("Executing", "Failed"): "the endpoint said no",
    ("Executing", "TimedOut"): "no answer in time, its only attempt",
    ("Executing", "Crashed"): "its process is gone, or its endpoint silent; its only attempt",
    ("Executing", "SystemFailed"): "it could not be called",
    ("Executing", "DeadLetter"): "its attempts are used up",
}


def _of_run() -> list[Transition]:
    """Its ends by others are the same from wherever it is."""
    ends = {"Canceled": "canceled, refused or replaced", "Expired": "not begun within its ttl"}
    begins = [(before, after) for before, after in _RUN_EVENTS if not before]
    pairs = [(before, after) for before in states.TRANSITIONS for after in _following(before)]
    return [
        (before, ends.get(after) or _RUN_EVENTS[before, after], after)
        for before, after in [*begins, *pairs]
    ]


def _following(before: Phase) -> list[Phase]:
    """In the order of the phases, which a set does not have."""
    return [each for each in states.TRANSITIONS if each in states.TRANSITIONS[before]]


DIAGRAMS: Final[Mapping[str, Callable[[], str]]] = {
    "rollout": lambda: state_diagram(rollout.TRANSITIONS, "Open"),
    "execution": lambda: state_diagram(executions.TRANSITIONS, "Live"),
    "budget": lambda: state_diagram(_of_budget(), "Open"),
    "rollback": lambda: state_diagram(_of_rollback(), "Open"),
    "gate": lambda: state_diagram(_of_gate(), "Shut"),
    "blame": lambda: state_diagram(_of_blame(), "Waiting"),
    "batch": lambda: state_diagram(batch_states.TRANSITIONS, "Open"),
    "run": lambda: state_diagram(_of_run(), "Open"),
}
