"""What the cache keeps of batches: their runs, whom they cancel, and who is told of what."""

from __future__ import annotations

from typing import Any

import pytest

from unit.cache.documents import CREATED, CREATED_AT, meta, owned
from wavegate.cache.decode_batches import BatchDecoder
from wavegate.cache.runs import RunCache
from wavegate.runs.batch_observed import BatchView
from wavegate.runs.naming import item_name

UID = "import-uid"
JOB = ("shop", "app")
ITEMS = [{"key": f"k{number}"} for number in range(3)]


class Watched:
    """A cache of runs, and whom it has woken."""

    def __init__(self) -> None:
        self.jobs: list[tuple[str, str]] = []
        self.batches: list[tuple[str, str]] = []
        self.cache = RunCache(
            self.jobs.append,
            clock=lambda: 0.0,
            now=lambda: CREATED_AT + 60,
            wake_batch=self.batches.append,
        )
        self._version = 1

    def take(self, kind: str, document: dict[str, Any], event: Any = "ADDED") -> None:
        self._version += 1
        document["metadata"] |= {"resourceVersion": str(self._version)}
        self.jobs.clear()
        self.batches.clear()
        self.cache.apply_event(kind, event, document)

    def batch(self, name: str = "import", event: Any = "ADDED", **more: Any) -> None:
        spec = more.pop("spec", {"jobName": "app", "items": ITEMS})
        self.take("RunBatch", {"metadata": meta(name, 1), "spec": spec, **more}, event)

    def run(self, number: int, phase: str = "Queued", event: Any = "ADDED", **more: Any) -> None:
        key = f"k{number}"
        marks = {"wavegate.dev/batch-item": f"{UID} {number} {key}"}
        metadata = meta(item_name("app", UID, key), 1, annotations=marks)
        metadata["ownerReferences"] = owned("HTTPJob", "app", "app-uid")
        status = {"phase": phase, "reason": "Why", "message": "because"}
        body = {"metadata": metadata | more, "spec": {"jobName": "app"}, "status": status}
        self.take("JobRun", body, event)

    def ask(self, name: str, job: str = "app", **more: Any) -> None:
        self.take("JobRun", {"metadata": meta(name, 1, **more), "spec": {"jobName": job}})

    @property
    def view(self) -> BatchView:
        found = self.cache.batches.store.get("shop", "import")
        assert found is not None
        return found

    def kept(self) -> int:
        return len(self.cache.batches.kept(self.cache.runs_in("shop", ended=True)))

    def cancels(self) -> dict[str, str]:
        found = self.cache.batches.cancels(
            JOB, list(self.cache.runs_in("shop", "app", ended=False))
        )
        return {uid.removesuffix("-uid"): words for uid, words in found.items()}


def running(progress: str) -> dict[str, Any]:
    return {"state": "Running", "progress": progress}


def test_a_run_is_its_batchs_whichever_comes_first_and_wakes_it() -> None:
    watched = Watched()
    watched.run(1)
    assert watched.batches == []
    watched.batch(status=running("..."))
    watched.run(0)
    assert watched.batches == [("shop", "import")]
    members = watched.cache.batches.members(watched.view)
    assert {number: run.item for number, run in members.items()} == {0: "k0", 1: "k1"}


@pytest.mark.parametrize(
    "mark",
    [f"{UID} 0 k1", f"{UID} x k0", f"{UID} k0", "another 0 k0", "", f"{UID}  k0", " 0 k0"],
)
def test_a_run_whose_name_does_not_follow_is_none_of_the_batchs(mark: str) -> None:
    watched = Watched()
    watched.batch(status=running("..."))
    watched.run(0, annotations={"wavegate.dev/batch-item": mark})
    assert watched.cache.batches.members(watched.view) == {}


def test_a_run_that_was_deleted_is_remembered_as_long_as_the_batch_is_open() -> None:
    watched = Watched()
    watched.batch(status=running("..."))
    watched.run(0, "Completed")
    watched.run(0, "Completed", "DELETED")
    gone = watched.cache.batches.members(watched.view)[0]
    assert (gone.deleting, gone.phase) == (True, "Completed")
    watched.run(1)
    watched.batch(event="MODIFIED", status={"state": "Completed", "progress": "CCC"})
    assert list(watched.cache.batches.members(watched.view)) == [1]
    watched.run(1, event="DELETED")
    assert watched.cache.batches.members(watched.view) == {}
    watched.batch(event="DELETED")
    assert not watched.cache.batches._members


@pytest.mark.parametrize(
    ("status", "kept"),
    [
        pytest.param(running("..."), 1, id="not counted"),
        pytest.param(running("o.."), 1, id="counted as open"),
        pytest.param(running("C.."), 0, id="counted"),
        pytest.param({"state": "Pending"}, 1, id="nothing on record"),
        pytest.param({"state": "Failed", "progress": "o.."}, 0, id="the batch has ended"),
    ],
)
def test_a_run_is_kept_until_its_end_is_on_record(status: dict[str, Any], kept: int) -> None:
    watched = Watched()
    watched.batch(status=status)
    watched.run(0, "Completed")
    assert watched.kept() == kept
    watched.batch(event="DELETED")
    assert watched.kept() == 0


def test_what_a_batch_puts_on_record_wakes_its_job() -> None:
    watched = Watched()
    watched.batch(status=running("o.."))
    watched.run(0, "Completed")
    watched.batch(event="MODIFIED", status=running("C.."))
    assert JOB in watched.jobs


def test_a_batch_cancels_once_it_is_on_record_how_many() -> None:
    watched = Watched()
    watched.ask("one")
    watched.ask("later", creationTimestamp="2025-01-31T12:00:01Z")
    watched.ask("spared", "other")
    cancel = {"jobName": "app", "cancel": {}}
    watched.batch("stop", spec=cancel, creationTimestamp=CREATED)
    assert watched.cancels() == {}
    watched.batch("stop", "MODIFIED", spec=cancel, status={"state": "Running"})
    assert watched.cancels() == {"one": "RunBatch stop cancels it"}
    assert JOB in watched.jobs
    watched.ask("two")
    assert watched.batches == [("shop", "stop")]
    watched.batch("stop", "MODIFIED", spec=cancel, status={"state": "Completed"})
    assert watched.cancels() == {}


def test_a_batch_that_is_canceled_cancels_its_own_runs() -> None:
    watched = Watched()
    watched.ask("by-hand")
    watched.run(0)
    spec = {"jobName": "app", "items": ITEMS}
    watched.batch(status=running("o.."), spec=spec)
    assert watched.cancels() == {}
    watched.batch(event="MODIFIED", status=running("o.."), spec={**spec, "canceled": True})
    assert list(watched.cancels().values()) == ["its RunBatch import is canceled"]


def test_of_a_batch_that_has_ended_no_items_are_kept() -> None:
    watched = Watched()
    watched.batch(status=running("..."))
    assert watched.view.spec is not None
    watched.batch(event="MODIFIED", status={"state": "Completed"})
    assert watched.view.spec is None
    assert watched.view.job == "app"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({}, "needs exactly one of items, itemsFrom, cancel and replay"),
        ({"items": ITEMS}, "jobName: is required with items and itemsFrom"),
        ({"cancel": {}}, "cancel needs a jobName"),
        ({"jobName": "app", "items": ITEMS, "replay": {}}, "needs exactly one of"),
        ({"jobName": "app", "items": [{"payload": "{}"}]}, "spec.items[0].key: is required"),
        ({"jobName": "app", "items": "all"}, "spec.items"),
        (None, "needs exactly one of"),
    ],
)
def test_what_no_schema_would_let_through_is_told(spec: Any, words: str) -> None:
    view = BatchDecoder().batch({"metadata": meta("import", 1), "spec": spec}).view
    assert view.spec is None
    assert words in view.invalid


@pytest.mark.parametrize("status", [None, [], {"state": 1}, {"progress": 7, "counts": "x"}])
def test_a_status_that_is_none_says_nothing(status: Any) -> None:
    raw = {"metadata": meta("import", 1), "spec": {"jobName": "app", "items": ITEMS}}
    view = BatchDecoder().batch({**raw, "status": status}).view
    assert (view.state, view.progress, view.ended) == ("", "", False)
