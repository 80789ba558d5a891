"""What calls of runs and of webhooks have in common: addresses, keys of Secrets, and failures."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints

from wavegate.api.base import Int32, Message, Model, Reason, like, matching

_URL: Final = r"^https?://[A-Za-z0-9._~:%\[\]-]+([/?][^\s#]*)?$"
"""No user information, which would be a secret in a spec, and no fragment."""
_URL_WORDS: Final = (
    "must be http:// or https://, a host, and a path; without user, password and fragment"
)
TO_CALL: Final = like(_URL, _URL_WORDS)
"""The check of an address in Python."""

KeyName = Annotated[
    str, StringConstraints(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")
]
KeptObjectName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"),
]


def url_at(path: str) -> Any:
    """Field of an address that is called."""
    return matching(path, _URL, _URL_WORDS, least=8, most=2048)


class KeyRef(Model):
    """A key of a Secret or ConfigMap in the same namespace."""

    name: KeptObjectName = Field(description="Name of the object, in the same namespace.")
    key: KeyName = Field(description="Key in its data.")


class LastError(Model):
    """How the last attempt failed."""

    error_class: Reason = Field(
        alias="class", description="What kind of failure it was, in one CamelCase word."
    )
    http_status: Int32 | None = Field(default=None, description="Status of the answer, if any.")
    message: Message | None = Field(default=None, description="What failed, for people.")
