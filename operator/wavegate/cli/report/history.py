"""A rollout as the cluster remembers it: which nodes, in which waves, in which state when.

A report is of one rollout and, where it failed, of the automatic rollback that followed, which is
the other half of the same story. Everything in it is on record in the FleetDeployments, the
Executions that are still there, their pods, and the events of the last hour. What the cluster does
not keep is counted and named in ``not_kept``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from wavegate.api.durations import parse_duration
from wavegate.api.names import rollback_name
from wavegate.api.rollout import RolloutSettings
from wavegate.cli.errors import CliError
from wavegate.cli.report.model import UNKNOWN_WAVE, Gate, Report, Row, Wave
from wavegate.cli.report.scale import nodes
from wavegate.cli.report.segments import NOT_KEPT, Life, Segment, segments_of, windows_of
from wavegate.cli.sight import ENDED, OUTSIDE, Document, Sight, at, deployment_summary, sequence
from wavegate.domain.evidence import WINDOWS
from wavegate.domain.health import MOST_RECENT
from wavegate.domain.sizes import Sizes, sizes
from wavegate.domain.times import parse_time

_BEFORE: Final = 0.04
_AFTER: Final = 0.09
"""Shares of the rollout's time that are shown before its begin and after its end."""


@dataclass(frozen=True)
class Chosen:
    """The deployments that a report is of. ``taken_over``: superseded by the first of them with
    the same workload, so that its executions count on."""

    main: Document
    rollback: Document | None
    taken_over: Sequence[Document] = ()

    @property
    def deployments(self) -> list[Document]:
        return [self.main, *([self.rollback] if self.rollback is not None else [])]

    @property
    def makers(self) -> set[str]:
        every = (*self.deployments, *self.taken_over)
        return {each["metadata"]["name"] for each in every}


def choose(sight: Sight, version: int | None) -> Chosen:
    """The newest rollout, or the newest of a version. Raises CliError where there is none."""
    accepted = [each for each in sight.deployments if at(each, "status", "sequence")]
    rolling = [each for each in accepted if each["spec"]["type"] != "Stop"]
    names = {each["metadata"]["name"]: each for each in rolling}
    undone = {rollback_name(name): each for name, each in names.items()}
    heads = [each for each in rolling if each["metadata"]["name"] not in undone]
    if version is not None:
        heads = [each for each in heads if deployment_summary(each)["toVersion"] == version]
    if not heads:
        what = f"no rollout of v{version}" if version is not None else "no rollout yet"
        known = sorted({deployment_summary(each)["toVersion"] for each in rolling})
        there = f"; there are {', '.join(f'v{each}' for each in known)}" if known else ""
        raise CliError(f"FleetJob {sight.name} has had {what}, or it is no longer kept{there}")
    main = max(heads, key=sequence)
    taken_over = [
        each
        for each in accepted
        if at(each, "status", "reason") == "Superseded"
        and main["spec"]["type"] != "Restart"
        and sequence(each) < sequence(main)
        and at(each, "status", "workloadHash") == at(main, "status", "workloadHash")
    ]
    return Chosen(main, names.get(rollback_name(main["metadata"]["name"])), taken_over)


def report_of(sight: Sight, chosen: Chosen, now: float) -> Report:
    """The report of a rollout. ``now``: epoch seconds."""
    main, last = chosen.main, chosen.deployments[-1]
    is_open = any(at(each, "status", "state") not in ENDED for each in chosen.deployments)
    begin = _begin(main)
    chains = _chains(sight)
    end = now if is_open else _end(chosen, chains, now)
    took = end - begin
    until = end if is_open else min(now, end + max(1.0, took * _AFTER))
    since = begin - max(1.0, took * _BEFORE)
    settings = {each["metadata"]["name"]: _gate(each) for each in sight.deployments}
    rows: dict[int, list[Row]] = {}
    stayed: dict[str, int] = {}
    pods = _pods(sight)
    for node, chain in chains.items():
        wave = _wave_of(chain, chosen, until)
        if wave is None:
            if running := _running(chain, begin, until):
                stayed[node] = running
            continue
        lives = _lives(chain, settings, pods, until)
        rows.setdefault(wave, []).append(_row(node, lives, chosen, since, until))
    waves = _waves(chosen, rows, stayed, since, until)
    told = deployment_summary(main)
    gate = _gate(main)
    return Report(
        namespace=str(at(sight.job, "metadata", "namespace") or ""),
        job=sight.name,
        version=int(told["toVersion"]),
        from_version=int(told["fromVersion"]),
        state=str(at(last, "status", "state") or ""),
        reason=str(at(last, "status", "reason") or ""),
        message=str(at(last, "status", "message") or ""),
        is_open=is_open,
        begin=begin,
        end=end,
        since=since,
        until=until,
        rollouts=[deployment_summary(each) for each in chosen.deployments],
        gate=gate,
        waves=waves,
        untouched=dict(sorted(Counter(stayed.values()).items())),
        not_kept=_not_kept(waves, gate),
    )


def _begin(deployment: Document) -> float:
    status = deployment.get("status") or {}
    for moment in (status.get("startedAt"), status.get("acceptedAt")):
        if (seconds := parse_time(moment)) is not None:
            return seconds
    return parse_time(deployment["metadata"].get("creationTimestamp")) or 0.0


def _end(chosen: Chosen, chains: Mapping[str, Sequence[Document]], now: float) -> float:
    """When the last deployment ended, or the last node that it took had its verdict."""
    ends = [parse_time(at(each, "status", "completedAt")) or 0.0 for each in chosen.deployments]
    ended = max(ends) or now
    verdicts = [
        Life(each, now).verdict or Life(each, now).ended or now
        for chain in chains.values()
        for each in chain
        if each["spec"].get("deploymentName") in chosen.makers and Life(each, now).made <= ended
    ]
    settled = max(verdicts, default=ended)
    return min(now, max(ended, settled))


def _chains(sight: Sight) -> dict[str, list[Document]]:
    found: dict[str, list[Document]] = {}
    for each in sorted(sight.executions, key=lambda each: int(each["spec"]["attempt"])):
        found.setdefault(str(each["spec"]["nodeName"]), []).append(each)
    return dict(sorted(found.items()))


def _pods(sight: Sight) -> dict[str, Document]:
    """By uid of the execution that owns it."""
    found = {}
    for pod in sight.pods:
        for owner in at(pod, "metadata", "ownerReferences") or ():
            found[str(owner.get("uid"))] = pod
    return found


def _wave_of(chain: Iterable[Document], chosen: Chosen, until: float) -> int | None:
    """The wave in which it was taken; None where this rollout has not touched it."""
    rollback = chosen.rollback["metadata"]["name"] if chosen.rollback is not None else ""
    waves = []
    touched = False
    for each in chain:
        maker = each["spec"].get("deploymentName")
        if maker not in chosen.makers or Life(each, until).made > until:
            continue
        touched = True
        if maker != rollback and int(each["spec"]["rolloutWave"]) > OUTSIDE:
            waves.append(int(each["spec"]["rolloutWave"]))
    if waves:
        return min(waves)
    return OUTSIDE if touched else None


def _running(chain: Sequence[Document], begin: float, until: float) -> int:
    """The version that a node ran all the time; 0 where none did."""
    for each in reversed(chain):
        life = Life(each, until)
        if life.made <= begin and (life.ended is None or life.ended >= until):
            return int(each["spec"]["jobVersion"])
    return 0


def _lives(
    chain: Sequence[Document],
    gates: Mapping[str, Gate | None],
    pods: Mapping[str, Document],
    until: float,
) -> list[Life]:
    found = []
    for each, after in zip(chain, [*chain[1:], None], strict=True):
        gate = gates.get(str(each["spec"].get("deploymentName")))
        end = until if after is None else min(until, Life(after, until).made)
        interval, limit = (gate.interval, gate.max_error_rate) if gate else (0.0, 0.0)
        found.append(Life(each, end, interval, limit, pods.get(str(at(each, "metadata", "uid")))))
    return found


def _row(node: str, lives: Sequence[Life], chosen: Chosen, since: float, until: float) -> Row:
    segments: list[Segment] = []
    shown = [each for each in lives if each.until > since and each.made < until]
    first = shown[0].execution if shown else {}
    if shown and shown[0].made > since and at(first, "status", "previousExecution"):
        segments.append(Segment("", 0, NOT_KEPT, since, shown[0].made, exact=False))
    for each in shown:
        segments += [_clipped(part, since) for part in segments_of(each) if part.until > since]
    windows = [window for each in shown for window in windows_of(each) if window.since >= since]
    ours = [each for each in shown if each.execution["spec"].get("deploymentName") in chosen.makers]
    outcome = _outcome(ours)
    return Row(node, segments, windows, outcome, not outcome, shown)


def _clipped(segment: Segment, since: float) -> Segment:
    if segment.since >= since:
        return segment
    return replace(segment, since=since)


def _outcome(lives: Sequence[Life]) -> str:
    told: list[str] = []
    for at_, each in enumerate(lives):
        facts = at(each.execution, "status", "details") or {}
        later = lives[at_ + 1 :]
        if each.state == "Failed":
            back = f", back on v{later[-1].execution['spec']['jobVersion']}" if later else ""
            told = [f"{facts.get('reason', 'Failed')}{back}"]
        elif facts.get("withdrawn"):
            told = [f"withdrawn: {facts['withdrawn']}"]
        elif not later and each.state in ("Lost", "Degraded"):
            told = [each.state]
    return "".join(told)


def _waves(
    chosen: Chosen,
    rows: Mapping[int, list[Row]],
    stayed: Iterable[str],
    since: float,
    until: float,
) -> list[Wave]:
    """In their order, those outside waves last; nodes in the order in which they were taken.

    ``stayed``: nodes of which it is known that they were not taken.
    """
    main = chosen.main
    status = main.get("status") or {}
    size = _sizes(main)
    known = {*stayed, *(row.node for found in rows.values() for row in found)}
    gone = _gone(main, known, since, until)
    reached = range(1, int(status.get("currentWave") or 0) + 1)
    numbers = {*rows, *gone, *(reached if status.get("startedAt") else ())}
    found = []
    for number in sorted(numbers, key=lambda n: (n == OUTSIDE, n == UNKNOWN_WAVE, n)):
        is_canary = number == 1 and size.canary > 0
        kept = sorted(rows.get(number, []), key=lambda row: (_taken(row), row.node))
        lost = gone.get(number, [])
        missing = _missing(number, main, size, len(kept) + len(lost))
        if kept or lost or missing:
            found.append(Wave(number, is_canary, [*kept, *lost], missing))
    return found


def _taken(row: Row) -> float:
    begun = [each.since for each in row.segments if each.state == "Pending"]
    return min(begun, default=0.0)


def _missing(number: int, main: Document, size: Sizes, kept: int) -> int:
    """How many nodes of a wave that is over have left no trace."""
    status = main.get("status") or {}
    current, state = int(status.get("currentWave") or 0), status.get("state")
    if number < 1 or number > current:
        return 0
    before = (size.canary + size.wave * (number - 2)) if size.canary else size.wave * (number - 1)
    whole = min(size.of(number), max(0, size.total - (before if number > 1 else 0)))
    if number == current and state != "Completed":
        # It may have been ended before it was filled.
        return 0
    return max(0, whole - kept)


def _gone(main: Document, known: set[str], since: float, until: float) -> dict[int, list[Row]]:
    """Nodes whose executions are gone and which the deployment names: canaries and failures."""
    status = main.get("status") or {}
    canaries = set(status.get("canaryNodes") or ())
    # Chosen canaries that were not taken yet are named as well.
    taken = canaries if status.get("canaryPromoted") or status.get("state") in ENDED else set()
    failed = {str(each["node"]): each for each in status.get("failures") or ()}
    found: dict[int, list[Row]] = {}
    for node in sorted((taken | set(failed)) - known):
        failure = failed.get(node) or {}
        at_ = parse_time(failure.get("at"))
        parts, words = [Segment("", 0, NOT_KEPT, since, until, exact=False)], ""
        if at_ is not None:
            name, version = str(failure.get("execution") or ""), deployment_summary(main)
            parts = [
                Segment("", 0, NOT_KEPT, since, at_, exact=False),
                Segment(name, int(version["toVersion"]), "Failed", at_, until,
                        message=str(failure.get("message") or "")),
            ]  # fmt: skip
            words = str(failure.get("reason") or "Failed")
        wave = 1 if node in canaries else UNKNOWN_WAVE
        found.setdefault(wave, []).append(Row(node, parts, (), words, not words))
    return found


def _sizes(deployment: Document) -> Sizes:
    status = deployment.get("status") or {}
    total = int(status.get("totalNodes") or 0)
    settings = RolloutSettings.model_validate(at(status, "resolved", "rollout") or {})
    found = sizes(settings, deployment["spec"]["type"], total)
    return Sizes(found.total, found.canary, int(status.get("waveSize") or found.wave))


def _gate(deployment: Document) -> Gate | None:
    told: dict[str, Any] | None = at(deployment, "status", "resolved", "rollout", "healthCheck")
    strategy = at(deployment, "status", "resolved", "rollout", "strategy")
    if not told or strategy == "Immediate":
        return None
    return Gate(
        interval=parse_duration(told["interval"]),
        max_error_rate=float(told.get("maxErrorRate") or 0.0),
        success_threshold=int(told.get("successThreshold") or 0),
        failure_threshold=int(told.get("failureThreshold") or 0),
        min_healthy_time=parse_duration(told.get("minHealthyTime") or "0s"),
        deadline=parse_duration(told.get("deadline") or "0s"),
    )


def _not_kept(waves: Sequence[Wave], gate: Gate | None) -> list[str]:
    """What a reader might look for and does not find, in sentences."""
    rows = [row for wave in waves for row in wave.rows]
    told = []
    missing = sum(wave.not_kept for wave in waves)
    missing += sum(not row.lives for row in rows)
    if missing:
        told.append(f"{nodes(missing)}: their executions are no longer kept")
    before = sum(bool(row.segments) and row.segments[0].state == NOT_KEPT for row in rows)
    if before:
        told.append(f"{nodes(before)}: what ran on them before is no longer kept")
    inexact = sum(not part.exact for row in rows for part in row.segments if part.state != NOT_KEPT)
    if inexact:
        told.append(f"{inexact} stretches are of more than one state; when it changed is not kept")
    if gate is None:
        return told
    judged = [each for row in rows for each in row.lives if each.verdict and each.interval]
    texts = [str(at(each.execution, "status", "details", WINDOWS) or "") for each in judged]
    without = sum(not text for text in texts)
    if without:
        told.append(f"{without} of {len(texts)} verdicts: the windows before them are not kept")
    if cut := sum(len(text.split(", ")) >= MOST_RECENT for text in texts if text):
        told.append(f"{cut} verdicts: windows older than the last {MOST_RECENT} are not kept")
    if any(part.state == "Validating" and part.until >= row.lives[-1].until
           for row in rows if row.lives for part in row.segments):  # fmt: skip
        told.append("windows of what is being judged are on record only with its verdict")
    return told
