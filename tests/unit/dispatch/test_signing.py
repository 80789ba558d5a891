"""Signatures as the library's own verifier sees them."""

from __future__ import annotations

import base64
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from wavegate.dispatch.signing import UnusableSecret, sign

OLD = "whsec_" + base64.b64encode(b"o" * 24).decode()
NEW = "whsec_" + base64.b64encode(b"n" * 64).decode()
OTHER = "whsec_" + base64.b64encode(b"x" * 32).decode()
BODY = '{"a":"ä"}'


@pytest.mark.parametrize("secrets", [[OLD], [NEW], [OLD, NEW], [NEW, OLD]])
def test_who_has_one_of_the_secrets_can_verify(secrets: list[str]) -> None:
    headers = sign(secrets, "run-uid", time.time(), BODY)
    assert headers["webhook-id"] == "run-uid"
    assert len(headers["webhook-signature"].split(" ")) == len(secrets)
    for secret in secrets:
        assert Webhook(secret).verify(BODY, headers) == {"a": "ä"}
    for changed in ({"webhook-id": "other"}, {"webhook-timestamp": str(int(time.time()) - 9)}):
        with pytest.raises(WebhookVerificationError):
            Webhook(secrets[0]).verify(BODY, {**headers, **changed})
    with pytest.raises(WebhookVerificationError):
        Webhook(secrets[0]).verify(BODY + " ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(BODY, headers)


def test_the_time_is_in_whole_seconds() -> None:
    assert sign([OLD], "id", 1_700_000_000.9, "")["webhook-timestamp"] == "1700000000"


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param(OLD.removeprefix("whsec_"), id="without the prefix"),
        pytest.param(OLD + "\n", id="with the end of its line"),
    ],
)
def test_a_secret_as_people_store_it(secret: str) -> None:
    Webhook(OLD).verify(BODY, sign([secret], "id", time.time(), BODY))


def test_a_secret_without_padding_is_the_same() -> None:
    padded = "whsec_" + base64.b64encode(b"k" * 25).decode()
    assert padded.endswith("=")
    assert sign([padded.rstrip("=")], "id", 1.0, BODY) == sign([padded], "id", 1.0, BODY)


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        pytest.param("", "is not of 24 to 64 bytes", id="empty"),
        pytest.param("whsec_", "is not of 24 to 64 bytes", id="only the prefix"),
        pytest.param("whsec_c2hvcnQ=", "is not of 24 to 64 bytes", id="short"),
        pytest.param(base64.b64encode(b"l" * 65).decode(), "is not of 24", id="long"),
        pytest.param("my secret is a sentence, no key!", "is not base64", id="a sentence"),
        pytest.param("whsec_" + "ä" * 40, "is not base64", id="other letters"),
        pytest.param("whsec_" + "A" * 33, "is not base64", id="a length that is none"),
        pytest.param("whpk_" + "A" * 40, "is not base64", id="another kind of key"),
    ],
)
def test_a_secret_that_is_none_is_not_in_the_words(secret: str, why: str) -> None:
    with pytest.raises(UnusableSecret, match=f"^signing key 2 {why}") as told:
        sign([OLD, secret], "id", 1.0, BODY)
    text = secret.removeprefix("whsec_")
    assert not text or text not in str(told.value)
    assert told.value.__cause__ is None
    assert told.value.__suppress_context__ or told.value.__context__ is None
