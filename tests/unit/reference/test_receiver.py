"""The receiver that docs/howto/call-secrets.md shows does with real calls what the page says."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from wavegate.dispatch.headers import headers
from wavegate.dispatch.signing import sign

PAGE: Final = Path(__file__).parents[3] / "docs" / "howto" / "call-secrets.md"
OLD: Final = "whsec_" + "b2xk" * 8
NEW: Final = "whsec_" + "bmV3" * 8
BODY: Final = '{"order": 42}'

Receiver = Callable[[bytes, dict[str, str]], int]


def receiver(*keys: str) -> Receiver:
    """The function of the page, with these keys."""
    found = re.search(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert found
    names: dict[str, Any] = {}
    exec(found[1], names)
    names["KEYS"][:] = keys
    received: Receiver = names["received"]
    return received


def call(*keys: str, uid: str = "uid", attempt: int = 1, late: float = 0.0) -> dict[str, str]:
    """Headers as a receiver has them, of an attempt signed with these keys."""
    sent = headers(uid=uid, run="r", job="j", namespace="n", version=1, attempt=attempt)
    sent |= sign(keys, uid, time.time() - late, BODY)
    return {name.lower(): value for name, value in sent.items()}


@pytest.mark.parametrize(
    ("known", "signed", "status"),
    [
        pytest.param([OLD], [OLD], 200, id="one key"),
        pytest.param([OLD], [OLD, NEW], 200, id="rotation, the receiver has the old one"),
        pytest.param([NEW], [OLD, NEW], 200, id="rotation, the receiver has the new one"),
        pytest.param([OLD, NEW], [NEW], 200, id="rotation over, the receiver has both"),
        pytest.param([OLD], [NEW], 401, id="another key"),
    ],
)
def test_what_is_signed_with_a_known_key_is_taken(
    known: list[str], signed: list[str], status: int
) -> None:
    assert receiver(*known)(BODY.encode(), call(*signed)) == status


def test_another_body_and_an_old_call_are_not() -> None:
    received = receiver(OLD)
    assert received(b'{"order": 43}', call(OLD)) == 401
    assert received(BODY.encode(), call(OLD, late=301)) == 401


def test_a_run_is_done_once_and_another_with_the_same_payload_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    received = receiver(OLD)
    for uid, attempt in (("one", 1), ("one", 2), ("two", 1)):
        assert received(BODY.encode(), call(OLD, uid=uid, attempt=attempt)) == 200
    assert capsys.readouterr().out.splitlines() == ["to do: {'order': 42}"] * 2
