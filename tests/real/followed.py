"""What has to follow from the ends of runs, read from a history afterwards.

Of each end as it is asked for, exactly one run of the job that it triggers: made for it, by its
annotation, or for an end of the same time, and not begun until then. Nothing follows from any other
end. Of each item of a batch there is one run, and of each attempt over nodes one Execution for each
node.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from real.history import Event
from support.space import Document
from wavegate.api.names import ANNOTATION_AFTER, ANNOTATION_ITEM, job_ref
from wavegate.domain.times import parse_time
from wavegate.runs.states import TERMINAL

CALM: Final = frozenset({"Completed", "Failed", "Lost", "Stopped"})
"""States of an Execution of which nothing is at work."""
_SILENT: Final = frozenset({"Canceled", "Expired"})


@dataclass(frozen=True)
class Edge:
    """``job`` depends on ``upstream``, each as jobs are named among runs.

    ``asked``: phases of the upstream's runs with which it is as asked.
    """

    upstream: str
    job: str
    asked: Collection[str] = frozenset({"Completed"})
    triggers: bool = True


@dataclass
class Became:
    """What became of a run. ``made``, ``begun``, ``ended``: revisions; the last two None for never.

    ``end``: as it is written; ``after``: by job, the ends that it was made for.
    """

    name: str
    job: str
    made: int
    after: Mapping[str, str]
    seen: float = 0.0
    """When it was first seen to have begun (epoch seconds)."""
    begun: int | None = None
    ended: int | None = None
    ended_at: float = 0.0
    end: str = ""
    phase: str = ""
    status: Document = field(default_factory=dict)


def became(events: Iterable[Event]) -> list[Became]:
    """All runs that ever were, in the order in which they were made."""
    found: dict[str, Became] = {}
    for event in events:
        if event.kind != "JobRun":
            continue
        raw, status = event.document, event.document.get("status") or {}
        ref = job_ref(raw["spec"].get("jobKind", "HTTPJob"), raw["spec"]["jobName"])
        new = Became(event.name, ref, event.revision, _after(raw))
        run = found.setdefault(raw["metadata"]["uid"], new)
        run.phase, run.status = status.get("phase", ""), status
        if run.begun is None and status.get("attempt"):
            run.begun, run.seen = event.revision, event.at
        if run.ended is None and run.phase in TERMINAL:
            run.ended, run.ended_at = event.revision, event.at
            run.end = status["completionTime"]
    return list(found.values())


def _after(raw: Document) -> dict[str, str]:
    told = raw["metadata"].get("annotations", {}).get(ANNOTATION_AFTER, "")
    return dict(part.split("=", 1) for part in told.split())


@dataclass
class Followed:
    """Ends by what followed from them. ``joined``: a run that waited already served for them."""

    made: int = 0
    joined: int = 0
    nothing: int = 0
    wrong: list[str] = field(default_factory=list)


def followed(runs: Sequence[Became], edges: Iterable[Edge]) -> Followed:
    """Whether each end has what it asks for, once."""
    found = Followed()
    by_job: defaultdict[str, list[Became]] = defaultdict(list)
    for run in runs:
        by_job[run.job].append(run)
    ended = {(run.job, run.end): run for run in runs if run.ended}
    for edge in edges:
        if edge.triggers:
            triggered = [
                (run, [ended[cause] for cause in run.after.items() if cause in ended])
                for run in by_job[edge.job]
                if run.after
            ]
            _follow(found, edge, by_job[edge.upstream], triggered)
    for job in by_job.values():
        found.wrong += _beside([run for run in job if run.after])
    return found


def _follow(
    found: Followed,
    edge: Edge,
    upstream: Sequence[Became],
    triggered: Sequence[tuple[Became, Sequence[Became]]],
) -> None:
    """``triggered``: runs of the job, each with those whose ends it was made for."""
    made: defaultdict[str, list[str]] = defaultdict(list)
    for run, _ in triggered:
        if edge.upstream in run.after:
            made[run.after[edge.upstream]].append(run.name)
    for end in (run for run in upstream if run.ended and run.phase not in _SILENT):
        names = made.pop(end.end, [])
        words = f"{end.name} of {edge.upstream} ended, {end.phase}"
        if end.phase not in edge.asked:
            found.nothing += 1
            if names:
                found.wrong.append(f"{words}, for which {edge.job} is not asked, but by {names}")
        elif len(names) > 1:
            found.wrong.append(f"{words}, and {len(names)} runs are for it: {names}")
        elif names:
            found.made += 1
        elif any(_serves(run, causes, end) for run, causes in triggered):
            found.joined += 1
        else:
            found.wrong.append(f"{words}, and no run of {edge.job} is for it")
    for time, names in made.items():
        found.wrong.append(f"{names} are for an end of {edge.upstream} at {time} that was none")


def _serves(run: Became, causes: Sequence[Became], end: Became) -> bool:
    """Whether it had not begun at this end, and was made for one of its time.

    Ends that come at once are stored in any order. So it may be made for the one, decided on before
    the other was seen, and be there after both; but not for one of a run that began after this end.
    """
    of_its_time = any((each.begun or 0) < (end.ended or 0) for each in causes)
    return of_its_time and _not_begun(run, end.ended or 0)


def _not_begun(run: Became, revision: int) -> bool:
    past = [each for each in (run.begun, run.ended) if each is not None]
    return revision < min(past, default=revision + 1)


def _beside(triggered: Sequence[Became]) -> Iterator[str]:
    for number, run in enumerate(triggered):
        waiting = [each.name for each in triggered[:number] if _not_begun(each, run.made)]
        if waiting:
            yield f"{run.name} of {run.job} was made though {waiting} had not begun"


def open_gates(runs: Sequence[Became], edges: Iterable[Edge], grace: float) -> list[str]:
    """Runs that began while what their job depends on was not as asked, by more than ``grace``.

    In so many seconds an end may be stored beside the begin that was decided before it.
    """
    wrong = []
    for edge in edges:
        ends = [
            run
            for run in runs
            if run.job == edge.upstream and run.ended and run.phase not in _SILENT
        ]
        for run in (run for run in runs if run.job == edge.job and run.begun):
            before = [each for each in ends if (each.ended or 0) < (run.begun or 0)]
            before.sort(key=lambda each: (parse_time(each.end) or 0.0, each.name))
            late = [each for each in before if each.ended_at > run.seen - grace]
            known = before[: len(before) - len(late)]
            if not any(each.phase in edge.asked for each in [*known[-1:], *late]):
                last = f"{before[-1].name} was {before[-1].phase}" if before else "none had ended"
                wrong.append(f"{run.name} of {run.job} began, though of {edge.upstream} {last}")
    return wrong


def items(events: Sequence[Event]) -> tuple[int, list[str]]:
    """Runs of batches; what is wrong: an item with no run or several, a batch that has not ended.

    Every batch is to be for its ``items``.
    """
    batches = {e.document["metadata"]["uid"]: e.document for e in events if e.kind == "RunBatch"}
    made: defaultdict[str, set[str]] = defaultdict(set)
    for event in events:
        mark = event.document["metadata"].get("annotations", {}).get(ANNOTATION_ITEM)
        if event.kind == "JobRun" and mark:
            made[mark].add(event.document["metadata"]["uid"])
    wrong = []
    for uid, batch in batches.items():
        name, status = batch["metadata"]["name"], batch.get("status", {})
        for number, item in enumerate(batch["spec"]["items"]):
            runs = made.pop(f"{uid} {number} {item['key']}", set())
            if len(runs) != 1:
                wrong.append(f"item {item['key']} of {name} has {len(runs)} runs")
        counts = dict(status.get("counts", {}))
        if status.get("state") not in ("Completed", "Failed"):
            wrong.append(f"{name} has not ended: {status}")
        elif sum(counts.get(each, 0) for each in ("completed", "failed")) != counts["total"]:
            wrong.append(f"{name} has ended, and counts {counts}")
    wrong += [f"a run is for an item that is none: {mark}" for mark in made]
    return sum(len(batch["spec"]["items"]) for batch in batches.values()), wrong


def executions(events: Sequence[Event], runs: Sequence[Became]) -> tuple[int, list[str]]:
    """Executions of runs over nodes; what is wrong with them.

    A run that completed has asked every node. One that failed has asked as many as it says: where
    it was killed among them, it may have had too many failures before it came to the others.
    """
    asked: dict[str, tuple[str, int, str]] = {}
    last: dict[str, Event] = {}
    for event in events:
        if event.kind == "Execution" and (spec := event.document["spec"]).get("runName"):
            uid = event.document["metadata"]["uid"]
            asked[uid] = spec["runName"], spec["attempt"], spec["nodeName"]
            last[uid] = event
    wrong = [
        f"of {run}, attempt {attempt}, are {number} Executions on {node}"
        for (run, attempt, node), number in Counter(asked.values()).items()
        if number > 1
    ]
    nodes = Counter((run, attempt) for run, attempt, _ in asked.values())
    for run in runs:
        if not run.job.startswith("FleetJob/"):
            continue
        if run.begun is None:
            if nodes[run.name, 1]:
                wrong.append(f"{run.name} never began, and has Executions")
            continue
        told = run.status.get("nodes", {})
        number = nodes[run.name, run.status["attempt"]]
        wanted = told.get("total" if run.phase == "Completed" else "asked")
        if number != wanted:
            words = f"{number} Executions in its last attempt, and says {told}"
            wrong.append(f"{run.name} is {run.phase} with {words}")
    for event in last.values():
        state = event.document.get("status", {}).get("observedState", {}).get("stateType")
        if not event.gone and state not in CALM:
            wrong.append(f"Execution {event.name} is left {state}")
    return len(asked), wrong


def left(runs: Sequence[Became]) -> list[str]:
    """Runs that are left without an end."""
    return [f"{run.name} of {run.job} is left {run.phase}" for run in runs if run.ended is None]


def called_though_refused(runs: Sequence[Became], called: Collection[str]) -> list[str]:
    """Runs that were Canceled without a begin, and called. ``called``: names of runs."""
    refused = [run for run in runs if run.phase == "Canceled"]
    return [
        f"{run.name} is {run.status['reason']}, and called" for run in refused if run.name in called
    ]
