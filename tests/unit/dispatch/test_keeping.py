"""What is kept of bodies, and how much of them is in memory meanwhile."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavegate.api.jobrun import MAX_RESULT
from wavegate.dispatch.keeping import Body, kept
from wavegate.dispatch.masking import Masker

NONE = Masker(())


@given(st.lists(st.binary(max_size=MAX_RESULT), max_size=5))
def test_in_whatever_pieces_it_comes_the_same_is_kept(pieces: list[bytes]) -> None:
    body, whole = Body(), b"".join(pieces)
    for piece in pieces:
        body.add(piece)
        assert len(body._start) <= MAX_RESULT
    assert kept(body, NONE) == kept(Body(whole), NONE)
    assert (body.size, body.digest) == (len(whole), hashlib.sha256(whole).hexdigest())
    assert body.whole == (whole if len(whole) <= MAX_RESULT else None)


@pytest.mark.parametrize(
    ("sent", "secret", "result"),
    [
        (b"fine", "", "fine"),
        (b"", "", ""),
        (b"a pearl", "pearl", "a ***"),
        (b"x" * MAX_RESULT, "", "x" * MAX_RESULT),
        (b"x" * (MAX_RESULT + 1), "", None),
        (b"\xff", "", None),
        (b"p" * MAX_RESULT, "p", None),
    ],
)
def test_short_text_is_kept_and_of_all_else_size_and_hash(
    sent: bytes, secret: str, result: str | None
) -> None:
    found = kept(Body(sent), Masker((secret,)))
    if result is not None:
        assert found == {"result": result}
    else:
        assert (found["result_size"], len(found["result_hash"])) == (len(sent), 64)


def test_where_nobody_knows_what_is_secret_no_text_is_kept() -> None:
    assert set(kept(Body(b"fine"), None)) == {"result_size", "result_hash"}
