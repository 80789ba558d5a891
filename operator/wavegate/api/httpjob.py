"""HTTPJob: a call to an endpoint, made once for each run that is asked for. The spec.

What a run does when it fails, how many run at a time and when they may start stands here; that a
run is asked for stands in a JobRun, or in ``trigger.schedule``.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints, ValidationError

from wavegate.api.base import MetaValue, Model, between, cel, like, listing, matching, rules
from wavegate.api.calling import TO_CALL, KeyRef, url_at
from wavegate.api.durations import Seconds
from wavegate.api.fleetjob import InvalidSpec, field_problems, spec_document
from wavegate.api.runs import Limits, Rate, Retry, RetryStrategy, Runs, VersionPolicy
from wavegate.api.template import LabelValue, own_labels
from wavegate.api.trigger import Schedule, Trigger, Window
from wavegate.api.webhooks import Webhook

__all__ = [
    "Completion",
    "HTTPJobSpec",
    "Http",
    "KeyRef",
    "Limits",
    "Rate",
    "Retry",
    "RetryStrategy",
    "Runs",
    "Schedule",
    "Trigger",
    "VersionPolicy",
    "Webhook",
    "Window",
    "load_http_job_spec",
]

OWN_HEADERS: Final = (
    "content-type",
    "content-length",
    "host",
    "transfer-encoding",
    "connection",
    "idempotency-key",
    "traceparent",
)
"""Headers that a call has anyway, lower case; beside them all that begin with ``x-run-``,
``x-job-``, ``x-attempt``, ``x-callback-`` or ``webhook-``."""
OWN_HEADER_PREFIXES: Final = ("x-run-", "x-job-", "x-attempt", "x-callback-", "webhook-")

Completion = Literal["Sync", "Async"]
HEARTBEAT_TIMEOUT: Final = 300.0
COMPLETION_TIMEOUT: Final = 86_400.0
"""Seconds, where an Async job says nothing else."""

_OWN: Final = f"self.name.lowerAscii() in {list(OWN_HEADERS)}" + "".join(
    f" || self.name.lowerAscii().startsWith('{each}')" for each in OWN_HEADER_PREFIXES
)

Url = Annotated[str, url_at("spec.http.url"), TO_CALL]
FallbackUrl = Annotated[str, url_at("spec.http.fallbackUrl"), TO_CALL]
_PATH: Final = r"^/[^\s#]*$"
_PATH_WORDS: Final = "must begin with / and have neither blanks nor a fragment"
UrlPath = Annotated[
    str,
    matching("spec.http.serviceRef.path", _PATH, _PATH_WORDS, least=1, most=1024),
    like(_PATH, _PATH_WORDS),
]
_HEADER: Final = r"^[A-Za-z0-9!#$%&*+.^_`|~-]+$"
_HEADER_WORDS: Final = "a name has letters, digits and - . _ only"
HeaderName = Annotated[
    str,
    matching("spec.http.headers.name", _HEADER, _HEADER_WORDS, least=1, most=128),
    like(_HEADER, _HEADER_WORDS),
]
_PRINTABLE: Final = r"^[\x20-\x7e]*$"
_PRINTABLE_WORDS: Final = "a value has printable ASCII characters only"
HeaderValue = Annotated[
    str,
    matching("spec.http.headers.value", _PRINTABLE, _PRINTABLE_WORDS, least=0, most=1024),
    like(_PRINTABLE, _PRINTABLE_WORDS),
]


class HeaderSource(Model):
    """Where a header's value comes from."""

    secret_key_ref: KeyRef = Field(description="A key of a Secret in the same namespace.")


class Header(Model):
    """A header that each call has."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "has(self.value) != has(self.valueFrom)",
                "spec.http.headers: each needs a value or a valueFrom, and not both",
            ),
            cel(
                f"!({_OWN})",
                "spec.http.headers: a name that each call has anyway (Content-Type,"
                " Idempotency-Key, traceparent, X-Run-…, X-Job-…, X-Callback-…, Webhook-…) cannot"
                " be given",
                reason="FieldValueForbidden",
            ),
        )
    )

    name: HeaderName = Field(description="Name of the header.")
    value: HeaderValue | None = Field(
        default=None, description="Its value; no secrets, which belong in a Secret."
    )
    value_from: HeaderSource | None = Field(
        default=None, description="Where its value comes from, instead of value."
    )


class ServiceRef(Model):
    """A Service in the same namespace."""

    name: Annotated[
        str,
        StringConstraints(min_length=1, max_length=63, pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$"),
    ] = Field(description="Name of the Service.")
    port: int = Field(
        ge=1, le=65535, description="Its port.", json_schema_extra={"format": "int32"}
    )
    path: UrlPath = Field(default="/", description="Path and query of the call.")


class Signing(Model):
    """Calls are signed as Standard Webhooks say."""

    secret_refs: list[KeyRef] = Field(
        min_length=1,
        max_length=2,
        description="Secrets with the signing key, as whsec_ and base64; two during a rotation:"
        " a call then has a signature of each.",
        json_schema_extra=listing("atomic"),
    )


def _async_only(field: str) -> dict[str, str]:
    return cel(
        f"!has(self.{field}) || (has(self.completion) && self.completion == 'Async')",
        f"spec.http.{field}: is for completion Async only",
        field_path=f".{field}",
        reason="FieldValueForbidden",
    )


class Http(Model):
    """What is called, and how."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "has(self.url) != has(self.serviceRef)",
                "spec.http: needs a url or a serviceRef, and not both",
                reason="FieldValueRequired",
            ),
            *(_async_only(name) for name in ("heartbeatTimeout", "completionTimeout")),
            cel(
                "!has(self.heartbeatTimeout) || !has(self.completionTimeout)"
                " || self.heartbeatTimeout <= self.completionTimeout",
                "spec.http.heartbeatTimeout: must not be above completionTimeout",
                field_path=".heartbeatTimeout",
            ),
        )
    )

    url: Url | None = Field(
        default=None,
        description="Address that is called by POST. Loopback, link-local addresses, the API"
        " server and Services of other namespaces are refused.",
    )
    service_ref: ServiceRef | None = Field(
        default=None, description="A Service of the same namespace, instead of url."
    )
    fallback_url: FallbackUrl | None = Field(
        default=None,
        description="Called within the same attempt, with a time of its own, where the first"
        " fails so that it would be tried again.",
    )
    timeout: Seconds = Field(
        default=300.0,
        description="Longest that one call may take, from 100ms to 1h.",
        json_schema_extra={**between("spec.http.timeout", "100ms", "1h"), "default": "5m"},
    )
    headers: list[Header] = Field(
        default_factory=list,
        max_length=16,
        description="Headers that each call has besides those of every call.",
        json_schema_extra=listing("map", "name"),
    )
    signing: Signing | None = Field(
        default=None, description="Calls are signed as Standard Webhooks say."
    )
    completion: Completion = Field(
        default="Sync",
        description="When a run is over: Sync (with the answer to its call) or Async (a call that"
        " is answered 202 is over once the endpoint has called back at the address that the call"
        " had in X-Callback-Url; any other answer counts as with Sync).",
    )
    heartbeat_timeout: Seconds | None = Field(
        default=None,
        description="For Async: for so long the endpoint may be silent after its 202 or its last"
        " heartbeat; then the attempt is Crashed. From 1s to 24h; without, 5m.",
        json_schema_extra=between("spec.http.heartbeatTimeout", "1s", "24h"),
    )
    completion_timeout: Seconds | None = Field(
        default=None,
        description="For Async: longest time from the begin of an attempt to its end, whatever the"
        " heartbeats say; then the attempt is TimedOut. From 1s to 168h; without, 24h.",
        json_schema_extra=between("spec.http.completionTimeout", "1s", "168h"),
    )


class HTTPJobSpec(Model):
    """What is called, when, and within which limits."""

    display_name: Annotated[str, StringConstraints(max_length=128)] | None = Field(
        default=None, description="Name for people; changing it makes no version."
    )
    description: Annotated[str, StringConstraints(max_length=1024)] | None = Field(
        default=None, description="Text for people; changing it makes no version."
    )
    labels: dict[str, LabelValue] = own_labels("Labels for runs that the operator makes")
    meta: dict[str, MetaValue] = Field(
        default_factory=dict,
        max_length=64,
        description="Free metadata, never interpreted. Changing a key makes a version.",
        json_schema_extra=rules(
            cel("self.all(k, k.size() <= 317)", "spec.meta: each key must have at most 317 bytes")
        ),
    )
    http: Http = Field(description="What is called, and how.")
    runs: Runs = Field(
        default_factory=Runs,
        description="What holds for the runs of the job.",
        json_schema_extra={"default": {}},
    )
    trigger: Trigger = Field(
        default_factory=Trigger,
        description="When runs are made and may start.",
        json_schema_extra={"default": {}},
    )
    suspend: bool = Field(
        default=False,
        description="While true, there are no ticks and no run starts; runs that execute end as"
        " they do.",
    )
    revision_history_limit: int = Field(
        default=10,
        ge=0,
        le=1000,
        description="How many old versions are kept beside those that runs wait for. Changing it"
        " makes no version.",
        json_schema_extra={"format": "int32"},
    )


def load_http_job_spec(raw: object) -> HTTPJobSpec:
    """The model of an HTTPJob's ``spec`` as the API server returned it.

    Raises InvalidSpec with one line for each field that is wrong, unknown or missing.
    """
    document = spec_document(raw)
    try:
        return HTTPJobSpec.model_validate(document)
    except ValidationError as error:
        raise InvalidSpec(field_problems(error, "spec")) from error
