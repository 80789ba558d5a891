"""Signatures of calls, as Standard Webhooks say."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from standardwebhooks import Webhook

_PREFIX: Final = "whsec_"
_LEAST: Final = 24
_MOST: Final = 64


class UnusableSecret(ValueError):
    """A signing key that is none. Its text does not hold the key."""


def sign(secrets: Sequence[str], message_id: str, now: float, body: str) -> dict[str, str]:
    """The headers that show a message to be ours, at ``now`` (epoch seconds).

    One signature for each of the secrets, which are base64 of 24 to 64 bytes, with or without
    ``whsec_``. ``message_id`` is the same each time that the message is sent.
    Raises UnusableSecret.
    """
    signers = [_signer(secret, at) for at, secret in enumerate(secrets, start=1)]
    # Whole seconds: what the header says is what is signed.
    when = datetime.fromtimestamp(int(now), UTC)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now)),
        "webhook-signature": " ".join(each.sign(message_id, when, body) for each in signers),
    }


def _signer(secret: str, at: int) -> Webhook:
    # The library decodes what it can of anything, and would sign with a key that nobody has.
    encoded = secret.strip().removeprefix(_PREFIX)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise UnusableSecret(f"signing key {at} is not base64") from None
    if not _LEAST <= len(key) <= _MOST:
        raise UnusableSecret(f"signing key {at} is not of {_LEAST} to {_MOST} bytes")
    return Webhook(key)
