"""The pass over one batch: what its runs are, which are to be made now, and what it says of itself.

Nothing is made before it is on record that all of it may be: the items are read and judged as a
whole, the runs to replay are found once and named in the status. From then on everything follows
from the record and the runs. A run's name follows from batch and key, so that the API server
refuses a second one; a run that is on record as made is never made again.

Runs are made in portions, as their job's maxQueued has room, so that a batch is not refused for its
size and its runs are not refused as too many.

What only tells how far it has come is put on record once a twentieth of it has ended since, or
after ten seconds: a batch costs some twenty writes of its own, and six a minute where it is slow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from wavegate.api.runbatch import MAX_ERRORS, MAX_ITEMS, BatchItem
from wavegate.domain.actions import DeleteRecord, SetStatus, Urgency
from wavegate.domain.times import format_time, format_time_micro, parse_time
from wavegate.runs import batch_notes
from wavegate.runs.batch_actions import BatchPlan, BatchStep, CreateItemRun, Read
from wavegate.runs.batch_items import run_spec
from wavegate.runs.batch_observed import BatchView, ObservedBatch, Problem, ReadItems
from wavegate.runs.batch_progress import NOT_MADE, OPEN, counts_of, is_over, progress_of
from wavegate.runs.batch_report import conditions_of, ended_words
from wavegate.runs.batch_states import may_follow
from wavegate.runs.naming import item_name
from wavegate.runs.observed import AskedJobView
from wavegate.runs.selection import to_cancel, to_replay, words_of
from wavegate.runs.statuses import Impossible

TOLD_EVERY: Final = 10.0
"""Seconds after which it is put on record how far a batch has come."""
READ_AGAIN: Final = 5.0
"""Seconds after which a ConfigMap is read again that was not there, or not as it had been."""
SETTLES: Final = 2.0
"""Seconds for which runs may be heard of that were asked for before the batch that cancels them."""
_MAX_MESSAGE: Final = 1024
_MAX_ERROR: Final = 256
_BY_ITSELF: Final = frozenset({"Running", "MaxQueued"})
"""Reasons of which the message only tells how far it has come."""


def plan(observed: ObservedBatch) -> BatchPlan:
    """What is to be done for a batch now."""
    return _Pass(observed).plan()


class _Pass:
    def __init__(self, observed: ObservedBatch) -> None:
        self.observed = observed
        self.batch: BatchView = observed.batch
        self.now = observed.now
        self.steps: list[BatchStep] = []
        self.unmade: Counter[str] = Counter()
        self.making: Counter[str] = Counter()
        self._wakes: list[float] = []

    def plan(self) -> BatchPlan:
        batch = self.batch
        if batch.deleting:
            pass
        elif batch.ended:
            self._remove()
        elif batch.spec is None:
            self._end("Refused", "InvalidSpec", batch.invalid)
        elif batch.spec.cancel is not None:
            self._cancel()
        elif batch.state == "Running":
            self._go_on()
        elif batch.canceled:
            self._end("Canceled", "Canceled", "spec.canceled is set; no run was made")
        elif batch.spec.replay is not None:
            self._accept_replay()
        else:
            self._accept_items()
        wake_at = min(self._wakes, default=None)
        return BatchPlan(tuple(self.steps), dict(self.unmade), dict(self.making), wake_at)

    # What has ended.

    def _remove(self) -> None:
        batch, status = self.batch, self.batch.status
        if status.get("observedGeneration") != batch.generation:
            self._tell(batch.state, status.get("reason", ""), status.get("message", ""))
        ended = parse_time(status.get("completionTime"))
        if batch.finished_ttl is None or ended is None:
            return
        at = ended + batch.finished_ttl
        if at > self.now:
            self._wakes.append(at)
            return
        action = DeleteRecord("RunBatch", batch.name, batch.uid, batch.resource_version)
        self.steps.append(BatchStep("RunBatch/removal", Urgency.CLEAN, (action,)))

    # What cancels.

    def _cancel(self) -> None:
        found = to_cancel(self.batch, self.observed.active)
        known = self.batch.status.get("counts") or {}
        total = max(int(known.get("total") or 0), len(found))
        counts = {"total": total, "open": len(found)}
        settled = self.batch.created + SETTLES
        if self.batch.state == "Running" and not found and self.now >= settled:
            runs = "no run" if not total else _number(total, "run")
            words = f"{runs} matched: {words_of(self.batch)}"
            self._end("Completed", "NoneMatched" if not total else "AllEnded", words, counts=counts)
            return
        self._wakes.append(settled)
        words = f"runs are canceled that match: {words_of(self.batch)}"
        self._tell("Running", "Running", words, counts=counts)

    # What makes runs: before any is made.

    def _accept_items(self) -> None:
        job = self._job_of(self.batch.job)
        if job is None:
            return
        read = self._read(job)
        if read is None:
            return
        if read.unreadable:
            self._tell("Pending", "ItemsMissing", read.unreadable)
        elif read.wrong:
            self._refuse("ItemsInvalid", read.problems, read.wrong, read.total)
        else:
            self._accept(len(read.items), itemsHash=read.digest or None)

    def _read(self, job: AskedJobView) -> ReadItems | None:
        """The items; None: they are being read."""
        read = self.observed.read
        if read is not None and read.unreadable:
            return self._unreadable(read, job)
        if read is None or read.version_key != job.version_key:
            self.steps.append(BatchStep("RunBatch/items", Urgency.CREATE, (Read(job),)))
            return None
        return read

    def _unreadable(self, read: ReadItems, job: AskedJobView) -> ReadItems:
        """Items that cannot be had now are read again, after a while."""
        self._wakes.append(read.at + READ_AGAIN)
        if self.now >= read.at + READ_AGAIN:
            self.steps.append(BatchStep("RunBatch/items", Urgency.CREATE, (Read(job),)))
        return read

    def _job_of(self, name: str) -> AskedJobView | None:
        """The job, if runs of it can be made; else the batch waits, and says so."""
        job = self.observed.jobs.get(name)
        if job is not None and not job.deleting and job.spec is not None:
            return job
        reason, words = _without(name, job)
        self._tell(self.batch.state or "Pending", reason, words, **self._how_far())
        return None

    def _accept_replay(self) -> None:
        found = to_replay(self.batch, self.observed.finished)
        if len(found) > MAX_ITEMS:
            words = f"{len(found)} runs match, and at most {MAX_ITEMS} are replayed: {{}}"
            self._end("Refused", "TooMany", words.format(words_of(self.batch)))
            return
        wrong = []
        for run in found:
            job = self.observed.jobs.get(run.job)
            if job is None or job.deleting or job.spec is None:
                wrong.append(Problem(run.name, *_without(run.job, job)))
        if wrong:
            self._refuse("RunsInvalid", wrong, len(wrong), len(found))
        elif not found:
            words = f"no run that has ended matches: {words_of(self.batch)}"
            self._end("Completed", "NoneMatched", words, counts=counts_of(""))
        else:
            self._accept(len(found), runs=[run.name for run in found])

    def _refuse(self, reason: str, wrong: Iterable[Problem], number: int, total: int) -> None:
        errors = [_error(each.key, each.reason, each.message) for each in wrong][:MAX_ERRORS]
        first = f"{errors[0]['key']}: {errors[0]['message']}".removeprefix(": ")
        words = f"{number} of {_number(total, 'run')} cannot be made, so none is: {first}"
        self._end("Refused", reason, words, errors=errors)

    def _accept(self, total: int, **facts: Any) -> None:
        """From now on it is on record that they are to be made."""
        progress = NOT_MADE * total
        words = f"{_number(total, 'run')} to make"
        self._tell("Running", "Running", words, **_how_far(progress), **facts)

    # What makes runs: making them, until all have ended.

    def _go_on(self) -> None:
        batch, record = self.batch, self.batch.progress
        self.progress = progress_of(record, self.observed.members)
        self.errors = self._errors(record)
        if batch.canceled:
            self._end_canceled()
            return
        if NOT_MADE in self.progress:
            held = self._make()
            if held is not None:
                self._tell("Running", *held, **self._how_far())
            return
        if OPEN in self.progress:
            self._tell("Running", "Running", self._far(), **self._how_far())
            return
        good = {*self.progress} <= {*"CD"}
        words = ended_words(counts_of(self.progress))
        state, reason = ("Completed", "AllCompleted") if good else ("Failed", "RunsFailed")
        self._end(state, reason, words, **self._how_far())

    def _end_canceled(self) -> None:
        if OPEN in self.progress:
            words = "spec.canceled is set; its runs are canceled"
            self._tell("Running", "Canceling", words, **self._how_far())
            return
        words = f"spec.canceled is set; {ended_words(counts_of(self.progress))}"
        self._end("Canceled", "Canceled", words, **self._how_far())

    def _make(self) -> tuple[str, str] | None:
        """Make what there is room for; why the rest is not made, None: that is told already."""
        wanted = self._wanted()
        if wanted is None:
            return None
        room, refused = self.observed.room, ""
        for action in wanted:
            name = action.job.name
            self.unmade[name] += 1
            if self.making[name] >= room.get(name, 0):
                continue
            self.making[name] += 1
            step = BatchStep(f"JobRun/{action.name}", Urgency.CREATE, (action,))
            self.steps.append(step)
            if step.key in self.observed.refusals:
                refused = refused or (
                    f"run {action.name} is refused: {self.observed.refusals[step.key].message}"
                )
        if refused:
            return "RunRefused", refused
        if self.unmade != self.making:
            return "MaxQueued", f"{self._far()}; the rest is made as others start, by maxQueued"
        return "Running", self._far()

    def _wanted(self) -> list[CreateItemRun] | None:
        """Those that are not made yet; None where that cannot be known, and is told."""
        assert self.batch.spec is not None
        if self.batch.spec.replay is not None:
            return self._wanted_replays()
        job = self._job_of(self.batch.job)
        if job is None:
            return None
        items = self._items(job)
        if items is None:
            return None
        return [
            self._action(number, items[number].key, job, run_spec(items[number], job.name))
            for number, letter in enumerate(self.progress)
            if letter == NOT_MADE
        ]

    def _items(self, job: AskedJobView) -> Sequence[BatchItem] | None:
        """The items as they were accepted."""
        assert self.batch.spec is not None
        if self.batch.spec.items:
            return self.batch.spec.items
        read = self.observed.read
        if read is None:
            self.steps.append(BatchStep("RunBatch/items", Urgency.CREATE, (Read(job),)))
            return None
        if not read.unreadable and read.digest == self.batch.status.get("itemsHash"):
            return read.items
        words = "what itemsFrom names is not what it was: put it back, or cancel the batch"
        reason = "ItemsMissing" if read.unreadable else "ItemsChanged"
        self._unreadable(read, job)
        self._tell("Running", reason, read.unreadable or words, **self._how_far())
        return None

    def _wanted_replays(self) -> list[CreateItemRun] | None:
        sources = {run.name: run for run in self.observed.finished}
        found = []
        for number, name in enumerate(self.batch.status.get("runs") or ()):
            if self.progress[number : number + 1] != NOT_MADE:
                continue
            source = sources.get(name)
            if source is None:
                self._lost(number, name)
                continue
            job = self._job_of(source.job)
            if job is None:
                return None
            action = self._action(number, name, job, {"jobName": job.name}, replay_of=name)
            found.append(action)
        return found

    def _lost(self, number: int, name: str) -> None:
        """A run that was deleted before it was repeated."""
        self.progress = f"{self.progress[:number]}G{self.progress[number + 1 :]}"
        error = _error(name, "Deleted", "it was deleted before it was replayed")
        self.errors = [*self.errors, error][:MAX_ERRORS]

    def _action(
        self, number: int, key: str, job: AskedJobView, spec: Mapping[str, Any], replay_of: str = ""
    ) -> CreateItemRun:
        assert self.batch.spec is not None
        name = item_name(job.name, self.batch.uid, key)
        return CreateItemRun(name, number, key, job, spec, self.batch.spec.labels, replay_of)

    def _errors(self, record: str) -> list[Mapping[str, Any]]:
        """Those on record, and of runs that have ended badly since."""
        errors = list(self.batch.status.get("errors") or ())
        for number, (before, now) in enumerate(zip(record, self.progress, strict=True)):
            if len(errors) >= MAX_ERRORS:
                break
            if is_over(before) or now not in "FXG" or (now == "X" and self.batch.canceled):
                continue
            errors.append(self._error_of(number, now))
        return errors

    def _error_of(self, number: int, letter: str) -> dict[str, Any]:
        run = self.observed.members.get(number)
        if letter == "G" or run is None:
            words = "its run was deleted before it had ended"
            return _error(self._key_of(number), "Deleted", words)
        return _error(run.item, run.reason or run.phase, f"{run.phase}: {run.message}", run.name)

    def _key_of(self, number: int) -> str:
        spec, read = self.batch.spec, self.observed.read
        names = self.batch.status.get("runs") or ()
        items = (spec.items if spec else ()) or (read.items if read else ())
        keys = [*names, *(item.key for item in items)]
        return keys[number] if number < len(keys) else f"number {number + 1}"

    # What the batch says.

    def _far(self) -> str:
        counts = counts_of(self.progress)
        ended = sum(map(is_over, self.progress))
        return (
            f"{ended} of {_number(counts['total'], 'run')} ended,"
            f" {counts['completed']} of them completed"
        )

    def _how_far(self) -> dict[str, Any]:
        if self.batch.state != "Running":
            return {}
        return {**_how_far(self.progress), "errors": self.errors}

    def _end(self, state: str, reason: str, words: str, **facts: Any) -> None:
        self._tell(state, reason, words, completionTime=format_time_micro(self.now), **facts)

    def _tell(self, state: str, reason: str, words: str, **facts: Any) -> None:
        """Put it on record, if there is news enough."""
        before, message = self.batch.status, words[:_MAX_MESSAGE]
        if not may_follow(self.batch.state, state):
            raise Impossible(f"{self.batch.name}: {state} cannot follow {self.batch.state}")
        status = {
            **before,
            "observedGeneration": self.batch.generation,
            "state": state,
            "reason": reason,
            "message": message,
            **({"startTime": format_time(self.now)} if state == "Running" else {}),
            **({"startTime": before["startTime"]} if "startTime" in before else {}),
            **facts,
            "conditions": conditions_of(self.batch, state, reason, message, self.now),
            "updatedAt": format_time(self.now),
        }
        status = {name: value for name, value in status.items() if value not in (None, "", [])}
        if not self._is_due(before, status):
            return
        batch = self.batch
        told = batch_notes.of_batch(batch.name, before, status)
        action = SetStatus(
            "RunBatch", batch.name, batch.uid, batch.resource_version, status, notes=told
        )
        self.steps.append(BatchStep(f"RunBatch/{batch.name}", Urgency.RECORD, (action,)))

    def _is_due(self, before: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
        said = [(each.get("state"), each.get("reason")) for each in (before, status)]
        if said[0] != said[1] or before.get("observedGeneration") != self.batch.generation:
            return True
        if status["reason"] not in _BY_ITSELF and before.get("message") != status["message"]:
            return True
        if all(before.get(name) == status.get(name) for name in ("progress", "counts")):
            return False
        since, total = parse_time(before.get("updatedAt")) or 0.0, status["counts"]["total"]
        news = _ended(status) - _ended(before)
        if news >= max(1, total // 20) or self.now >= since + TOLD_EVERY:
            return True
        self._wakes.append(since + TOLD_EVERY)
        return False


def _ended(status: Mapping[str, Any]) -> int:
    """Runs that have ended, as a status counts them."""
    counts = status.get("counts") or {}
    return int(counts.get("total") or 0) - sum(int(counts.get(n) or 0) for n in ("pending", "open"))


def _how_far(progress: str) -> dict[str, Any]:
    return {"progress": progress, "counts": counts_of(progress)}


def _without(name: str, job: AskedJobView | None) -> tuple[str, str]:
    if job is None or job.deleting:
        return "JobMissing", f"there is no HTTPJob {name}"
    return "JobInvalid", f"HTTPJob {name} is not understood; see its status"


def _error(key: str, reason: str, message: str, run: str = "") -> dict[str, Any]:
    told = {"key": key[:253], "reason": reason, "message": message[:_MAX_ERROR]}
    return {**told, "run": run} if run else told


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
