"""Why: what a RunBatch waits for, and who can help. As `why`, which has it for the fleet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from wavegate.cli.batching import progress
from wavegate.cli.sight import Document, at
from wavegate.cli.ways_out import ITSELF, NOT_BY_ITSELF, OWNER, PERSON, UNKNOWN, WayOut
from wavegate.cli.why import Answer, Facts, answered
from wavegate.runs.batch_states import ENDED

_MOST_NAMED: Final = 3
_CANCEL = 'kubectl patch rb {batch} {n} --type merge -p \'{{"spec":{{"canceled":true}}}}\' ends it'
_AGAIN = "correct it, and make another batch: a batch cannot be changed"
_SEE_JOB = "wavegate why hj/{job} {n} says more of its job"


def _ended(who: str, *how: str) -> WayOut:
    return WayOut(who, how, "never: a batch that has ended does not change", ends=True)


BATCH_WAITS: Final[Mapping[str, WayOut]] = {
    "Pending": WayOut(ITSELF, (), "within seconds, once the operator runs"),
    "Running": WayOut(ITSELF, (_SEE_JOB, _CANCEL), "as its runs end"),
    "MaxQueued": WayOut(
        ITSELF,
        ("raise spec.runs.limits.maxQueued of HTTPJob {job}", _SEE_JOB, _CANCEL),
        "as runs of the job start, and there is room",
    ),
    "Canceling": WayOut(ITSELF, (), "once its runs are canceled"),
    "JobMissing": WayOut(PERSON, ("make HTTPJob {job}", _CANCEL), NOT_BY_ITSELF),
    "JobInvalid": WayOut(OWNER, (_SEE_JOB, _CANCEL), NOT_BY_ITSELF),
    "ItemsMissing": WayOut(
        PERSON, ("make the ConfigMap that spec.itemsFrom names", _CANCEL), NOT_BY_ITSELF
    ),
    "ItemsChanged": WayOut(PERSON, ("put the ConfigMap back as it was", _CANCEL), NOT_BY_ITSELF),
    "RunRefused": WayOut(
        PERSON,
        ("remove what refuses the run: a quota, a policy, a run of its name", _CANCEL),
        "with another try within a minute",
    ),
}
"""By reason, of a batch that has not ended."""

BATCH_ENDS: Final[Mapping[str, WayOut]] = {
    "AllCompleted": _ended("nobody has to"),
    "AllEnded": _ended("nobody has to"),
    "NoneMatched": _ended(PERSON, "kubectl get jr {n} --show-labels says what there is"),
    "RunsFailed": _ended(
        OWNER,
        "wavegate runs replay -l wavegate.dev/batch={batch} {n} asks again for those that ended"
        " badly and are kept",
        _SEE_JOB,
    ),
    "Canceled": _ended(PERSON, "make another batch"),
    "ItemsInvalid": _ended(PERSON, _AGAIN),
    "RunsInvalid": _ended(PERSON, "make the HTTPJobs that are missing, and another batch"),
    "TooMany": _ended(PERSON, "narrow the selector, and make another batch"),
    "InvalidSpec": _ended(PERSON, _AGAIN),
}
"""By reason, of one that has."""


def why_batch(batch: Document, facts: Facts) -> Answer:
    """Of one batch."""
    status = batch.get("status") or {}
    state, reason = str(status.get("state") or "Pending"), str(status.get("reason") or "Pending")
    ways = BATCH_ENDS if state in ENDED else BATCH_WAITS
    way = ways.get(reason, UNKNOWN)
    evidence = [facts.operator] if facts.operator and not way.ends else []
    evidence += [progress([batch])] if status.get("counts") else []
    errors = status.get("errors") or ()
    evidence += [f"{each['key']}: {each['message']}" for each in errors[:_MOST_NAMED]]
    filled = {"batch": batch["metadata"]["name"], "job": at(batch, "spec", "jobName") or "JOB"}
    says, since = str(status.get("message") or ""), str(status.get("startTime") or "")
    since = str(status.get("completionTime") or since or batch["metadata"]["creationTimestamp"])
    return answered(batch, state, reason, says, since, evidence, way, facts.operator, filled, None)
