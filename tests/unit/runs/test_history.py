"""Which runs are removed, and when to look for the next one."""

from __future__ import annotations

from support.runs_world import NOW, job, observed, run
from wavegate.domain.actions import DeleteRecord
from wavegate.runs.history import tidied


def test_one_that_is_kept_for_its_key_does_not_hide_when_the_next_is_removed() -> None:
    of = job(runs={"finishedTTL": "60s"})
    own = {"phase": "Completed", "owner_uid": "job-uid"}
    keyed = run("keyed", completed=NOW - 600, idempotency_key="k", **own)
    fresh = run("fresh", completed=NOW - 10, **own)
    over = run("over", completed=NOW - 60, **own)
    steps, wake_at = tidied(observed(of, finished=[keyed, fresh, over]), of, [])
    assert wake_at == NOW + 50
    actions = [action for step in steps for action in step.actions]
    assert [each.name for each in actions if isinstance(each, DeleteRecord)] == ["over"]
