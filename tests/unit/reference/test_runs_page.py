"""What the page on runs says in words: its numbers and names are those of the code."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Final

import pytest

from support.run_pages import concepts_of_runs
from wavegate.api.httpjob import Limits, Runs, Schedule
from wavegate.api.httpjob_status import MAX_COUNTED
from wavegate.api.jobrun import MAX_RESULT
from wavegate.dispatch.call import MAX_ANSWER
from wavegate.dispatch.headers import headers
from wavegate.dispatch.signing import sign
from wavegate.runner.hooks import AT_A_TIME, OF_ONE_RECEIVER, TIMEOUT
from wavegate.runs.circuit import FAILURES, OPEN_FOR
from wavegate.runs.counting import SETTLED
from wavegate.runs.duplicates import KEY_LIVES
from wavegate.runs.plan import TOLD_AFTER
from wavegate.runs.retry import LONGEST_RETRY_AFTER
from wavegate.runs.webhook_body import MAX_BODY
from wavegate.runs.webhooks import EVENT_OF, MOST_PENDING, READ_AGAIN
from wavegate.settings import Settings

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = concepts_of_runs()
RUNS: Final = Runs()
TEXT: Final = " ".join(PAGE.split())
"""The page without its line breaks."""


@pytest.mark.parametrize(
    "words",
    [
        f"waits longer than a second says why{'' if TOLD_AFTER == 1.0 else '!'}",
        f"After {FAILURES} calls in a row that say so",
        f"for {OPEN_FOR:g} s, whichever job",
        f"asked for within {KEY_LIVES / 3600:g} h",
        f"up to {MAX_RESULT // 1024} KiB of text",
        f"{MAX_ANSWER // 1024**2} MiB is read",
        f"raises it, up to an hour{'' if LONGEST_RETRY_AFTER == 3600 else '!'}",
        f"the newest {RUNS.successful_history_limit} Completed ones",
        f"the newest {RUNS.failed_history_limit} others",
        f"more than {MAX_COUNTED} runs a minute the rest within a minute",
        f"The document has at most {MAX_BODY // 1024} KiB",
        f"It has {TIMEOUT:g} s to answer",
        f"at most {MOST_PENDING:,} are",
        f"looked for once a minute{'' if READ_AGAIN == 60.0 else '!'}",
        f"called at most {OF_ONE_RECEIVER} times at once, all of them together {AT_A_TIME} times",
        f"(`settings.calls`, {Settings(identity='a').calls})",
        f"`startingDeadline` ({Schedule(cron='@daily').starting_deadline / 60:g} m)",
    ],
)
def test_a_number_of_the_page_is_the_codes(words: str) -> None:
    assert words in TEXT


def test_a_flood_is_counted_within_a_minute() -> None:
    assert SETTLED == 60


def test_the_bound_of_the_rate_is_the_one_of_the_rule() -> None:
    rule = importlib.import_module("wavegate.runs.rate").__doc__ or ""
    assert "2 * max - 1" in rule
    assert "2 × `max` − 1" in TEXT  # noqa: RUF001 - as people write it


REASON: Final = re.compile(r'(?:Held\(|_refuse\(run, |_canceled\(run, )\s*"(\w+)"')


def test_every_reason_to_wait_or_to_be_canceled_is_on_the_page() -> None:
    sources = [path.read_text() for path in (ROOT / "operator/wavegate/runs").glob("*.py")]
    reasons = {reason for source in sources for reason in REASON.findall(source)}
    assert {"QueueFull", "OutsideWindow", "CircuitOpen", "Replaced", "JobMissing"} <= reasons
    reasons |= {"Duplicate", "DuplicateKey", "KeyReused"}
    assert [each for each in sorted(reasons) if not re.search(rf"\b{each}\b", PAGE)] == []


def test_every_header_of_a_call_is_on_the_page() -> None:
    sent = headers(uid="u", run="r", job="j", namespace="n", version=1, attempt=1)
    sent |= sign(["whsec_" + "A" * 32], "u", 0.0, "{}")
    assert [name for name in sent if f"`{name}`" not in PAGE] == []


def test_every_type_that_a_webhook_is_told_of_is_on_the_page() -> None:
    assert [event for event in EVENT_OF.values() if f"`{event}`" not in PAGE] == []


def test_every_limit_is_on_the_page() -> None:
    names = [field.alias or name for name, field in Limits.model_fields.items()]
    assert [name for name in names if f"`{name}`" not in PAGE] == []
