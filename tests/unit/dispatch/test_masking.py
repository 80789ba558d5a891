"""That what is kept of a call has no secret in it, and can be stored."""

from __future__ import annotations

import pytest

from support.endpoints import body, heard, says
from wavegate.dispatch.masking import Masker


@pytest.mark.parametrize(
    ("secrets", "text", "masked"),
    [
        pytest.param((), "a secret", "a secret", id="none"),
        pytest.param(("",), "a secret", "a secret", id="an empty one"),
        pytest.param((" \n",), "a secret", "a secret", id="one of spaces"),
        pytest.param(("k1", "k2"), "k1,k2,k3,k1", "***,***,k3,***", id="two"),
        pytest.param(("key", "key-long"), "key-long key", "*** ***", id="one within another"),
        pytest.param(("s.*",), "s.* six", "*** six", id="one of signs"),
        pytest.param(("k1\n",), "is k1.", "is ***.", id="with the end of its line"),
        pytest.param(('a"b\\c',), r'{"k":"a\"b\\c"}', '{"k":"***"}', id="as JSON has it"),
        pytest.param(("ä1",), "ä1 \\u00e41", "*** ***", id="as JSON escapes it"),
    ],
)
def test_a_text(secrets: tuple[str, ...], text: str, masked: str) -> None:
    assert Masker(secrets).text(text) == masked


@pytest.mark.parametrize(
    "name",
    [
        *("Authorization", "authorization", "Proxy-Authorization", "WWW-Authenticate"),
        *("Cookie", "Set-Cookie", "X-Api-Key", "x-apikey", "X-Auth-Token", "X-Amz-Security-Token"),
        *("X-Vault-Token", "X-Client-Secret", "X-Password", "webhook-signature", "X-Access-Key"),
        "X-Session-Id",
    ],
)
def test_a_header_that_says_who_calls_is_masked_whatever_it_holds(name: str) -> None:
    assert Masker(()).headers({name: "anything"}) == {name: "***"}


@pytest.mark.parametrize(
    "name", ["Content-Type", "Idempotency-Key", "X-Run-Id", "traceparent", "webhook-id", "Date"]
)
def test_another_header_is_kept(name: str) -> None:
    assert Masker(()).headers({name: "anything"}) == {name: "anything"}


def test_headers_are_no_more_and_no_longer_than_can_be_stored() -> None:
    kept = Masker(("key",)).headers({f"X-{at}": "a" * 1023 + "key" for at in range(100)})
    assert len(kept) == 64
    assert set(kept.values()) == {"a" * 1023 + "*"}


def test_a_secret_is_masked_before_a_body_is_cut() -> None:
    assert Masker(("secret",)).body(b"a" * 4093 + b"secret") == "a" * 4093 + "***"


def test_a_body_that_is_no_text_is_kept_as_far_as_it_is() -> None:
    assert Masker(()).body(b"a\xffb") == "a\ufffdb"


async def test_debugging_keeps_both_sides_with_secrets_masked(serve):
    answer = body(
        b"you said s3cret" + b"x" * 8000, b"Set-Cookie: a=b", b"X-Echo: s3cret", b"X-B: \xff"
    )
    served = await serve(says(answer))
    told = await heard(
        served.url,
        debug=True,
        secrets=("s3cret\n",),
        body='{"key":"s3cret"}' + " " * 8000,
        headers={"Authorization": "Bearer abc", "X-Key": "s3cret", "X-A": "b"},
    )
    assert told.debug is not None
    asked, said = told.debug["requestHeaders"], told.debug["responseHeaders"]
    assert (asked["Authorization"], asked["X-Key"], asked["X-A"]) == ("***", "***", "b")
    assert asked["Host"] == f"127.0.0.1:{served.port}"
    assert (said["set-cookie"], said["x-echo"], said["x-b"]) == ("***", "***", "\ufffd")
    assert told.debug["requestBody"] == ('{"key":"***"}' + " " * 8000)[:4096]
    assert told.debug["responseBody"] == ("you said ***" + "x" * 8000)[:4096]


async def test_debugging_a_call_without_an_answer_keeps_what_was_sent(serve):
    told = await heard((await serve(says())).url, debug=True)
    assert told.debug is not None
    assert set(told.debug) == {"requestHeaders", "requestBody"}


async def test_no_secret_is_in_the_result(serve):
    told = await heard((await serve(says(body(b"ok s3cret")))).url, secrets=("s3cret",))
    assert told.result == "ok ***"


async def test_a_result_is_not_kept_where_its_masks_are_too_long(serve):
    served = await serve(says(body(b"1" * 8000)))
    told = await heard(served.url, secrets=("1",))
    assert (told.failure, told.result, told.result_size) == (None, None, 8000)


async def test_words_are_no_longer_for_their_masks():
    told = await heard(f"http://{'1' * 60}.{'1' * 60}.svc/", secrets=("1",))
    assert told.failure == "AddressRefused"
    assert told.message == "*" * 180 + "." + "*" * 19


async def test_no_secret_is_in_the_words():
    told = await heard("http://s3cret.other.svc/", secrets=("s3cret",))
    assert told.message == "***.other.svc is of the namespace other"
