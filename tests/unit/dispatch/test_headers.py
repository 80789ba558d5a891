"""The headers of each call."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavegate.dispatch.headers import headers, traceparent

UID = "0d5b1c2e-6a1f-4a53-9d0e-7f5c2b8a9e10"


def test_the_headers_of_a_call() -> None:
    told = headers(uid=UID, run="nightly-1", job="nightly", namespace="shop", version=3, attempt=2)
    span = told.pop("traceparent").split("-")[2]
    assert re.fullmatch(r"[0-9a-f]{16}", span)
    assert told == {
        "Content-Type": "application/json",
        "X-Run-Id": "nightly-1",
        "X-Job-Name": "nightly",
        "X-Job-Namespace": "shop",
        "X-Job-Version": "3",
        "X-Attempt": "2",
        "Idempotency-Key": UID,
    }


def test_the_trace_can_be_found_by_the_runs_uid() -> None:
    assert traceparent(UID, 1).startswith("00-0d5b1c2e6a1f4a539d0e7f5c2b8a9e10-")


@given(
    uid=st.uuids().map(str) | st.text(st.characters(codec="utf-8")) | st.just("0" * 32),
    attempt=st.integers(1, 100),
)
def test_a_trace_is_valid_the_runs_and_the_attempts(uid: str, attempt: int) -> None:
    told = traceparent(uid, attempt)
    assert told == traceparent(uid, attempt)
    assert re.fullmatch(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01", told)
    _, trace, span, _ = told.split("-")
    _, next_trace, next_span, _ = traceparent(uid, attempt + 1).split("-")
    assert trace == next_trace
    assert span != next_span


@pytest.mark.parametrize("uid", ["", "00000000-0000-0000-0000-000000000000", "run/1"])
def test_a_uid_that_is_no_trace_id_makes_one(uid: str) -> None:
    assert traceparent(uid, 1) != traceparent(uid + "x", 1)
