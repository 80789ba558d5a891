"""``why`` of a batch, in each state that the operator has left it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.told import Played, Stage, play
from unit.cli.run_stories import Runs
from wavegate.cli.why_batches import BATCH_ENDS, BATCH_WAITS

ITEMS = [{"key": f"k{number}"} for number in range(20)]
LINES = {"configMapKeyRef": {"name": "lines", "key": "l"}}
ROOT = Path(__file__).parents[3]


async def batches(stage: Stage) -> None:
    """A batch for some of the reasons, named after it in lower case."""
    runs = Runs(stage)
    runs.job("good")
    runs.job("bad", "s422", runs={"retry": {"maxAttempts": 1}})
    runs.job("held", suspend=True, runs={"limits": {"maxQueued": 10}})
    runs.job("strict", runs={"payloadSchema": {"required": ["a"]}})
    whole = {
        "allcompleted": {"jobName": "good", "items": ITEMS},
        "runsfailed": {"jobName": "bad", "items": ITEMS},
        "maxqueued": {"jobName": "held", "items": ITEMS},
        "iteminvalid": {"jobName": "strict", "items": ITEMS},
        "jobmissing": {"jobName": "none", "items": ITEMS},
        "itemsmissing": {"jobName": "good", "itemsFrom": LINES},
        "nonematched": {"cancel": {"matchLabels": {"a": "b"}}},
    }
    for name, spec in whole.items():
        stage.cluster.create("RunBatch", name, spec)
    reasons = {"AllCompleted", "RunsFailed", "MaxQueued", "ItemsInvalid", "JobMissing"}
    reasons |= {"ItemsMissing", "NoneMatched"}

    def given() -> set[str]:
        return {each["status"].get("reason", "") for each in stage.cluster.list("RunBatch")}

    await stage.until("each is where it is to be", lambda: given() == reasons)


@pytest.fixture(scope="module")
def told() -> Iterator[Played]:
    with pytest.MonkeyPatch.context() as patch:
        yield play(batches, patch, nodes=0)


@pytest.mark.parametrize(
    ("name", "head", "words"),
    [
        ("allcompleted", "Completed (AllCompleted)", "it says     20 of 20 runs completed"),
        ("runsfailed", "Failed (RunsFailed)", "runs replay -l wavegate.dev/batch=runsfailed -n"),
        ("runsfailed", "Failed (RunsFailed)", "k0: Failed: answered 422"),
        ("maxqueued", "Running (MaxQueued)", "raise spec.runs.limits.maxQueued of HTTPJob held"),
        ("maxqueued", "Running (MaxQueued)", "0 of 20 runs have ended: 11 not made yet"),
        ("iteminvalid", "Refused (ItemsInvalid)", "k0: payload: lacks"),
        ("jobmissing", "Pending (JobMissing)", "waits for    there is no HTTPJob none"),
        ("itemsmissing", "Pending (ItemsMissing)", "make the ConfigMap that spec.itemsFrom names"),
        ("nonematched", "Completed (NoneMatched)", "no run matched: a=b"),
    ],
)
def test_it_says_what_it_waits_for_and_who_can_help(
    name: str, head: str, words: str, told: Played
) -> None:
    asked = told("why", f"rb/{name}")
    assert asked.code == 0, asked.err
    assert asked.out.splitlines()[0] == f"RunBatch default/{name}: {head}"
    assert " ".join(words.split()) in " ".join(asked.out.split()), asked.out


def test_each_reason_that_a_batch_gives_has_a_way_out() -> None:
    texts = [
        (ROOT / "operator/wavegate/runs" / name).read_text()
        for name in ("batches.py", "batch_report.py")
    ]
    given = {
        each
        for text in texts
        for pair in re.findall(
            r'_(?:tell|end)\(\s*"\w+", "(\w+)"|_refuse\("(\w+)"|return "(\w+)", f?"', text
        )
        for each in pair
        if each
    }
    assert {"ItemsMissing", "MaxQueued", "TooMany", "ItemsInvalid", "JobMissing"} <= given
    known = BATCH_WAITS.keys() | BATCH_ENDS.keys()
    assert given <= known
