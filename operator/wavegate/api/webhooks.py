"""Webhooks of HTTPJobs: who is told of runs that have ended, and what became of that.

What is told of one run is called its delivery; attempts are those to deliver it.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from wavegate.api.base import Int32, Message, Model, Reason, Timestamp, listing
from wavegate.api.calling import TO_CALL, KeyRef, LastError, url_at
from wavegate.api.names import ANNOTATION_RESUME

Event = Literal[
    "jobrun.completed",
    "jobrun.failed",
    "jobrun.timed_out",
    "jobrun.crashed",
    "jobrun.system_failed",
    "jobrun.canceled",
    "jobrun.expired",
    "jobrun.dead_letter",
]
"""The ``type`` of what is told: one for each phase in which a run ends."""

DeliveryPhase = Literal["Pending", "Delivered", "Failed"]
WebhookPhase = Literal["Waiting", "Paused"]

WebhookUrl = Annotated[str, url_at("spec.runs.webhook.url"), TO_CALL]


class Webhook(Model):
    """Who is told of runs that have ended, as Standard Webhooks say."""

    url: WebhookUrl = Field(
        description="Address that is called by POST. The same ones are refused as of spec.http.url."
    )
    secret_refs: list[KeyRef] = Field(
        min_length=1,
        max_length=2,
        description="Secrets with the signing key, as whsec_ and base64; two during a rotation:"
        " a call then has a signature of each.",
        json_schema_extra=listing("atomic"),
    )
    events: list[Event] | None = Field(
        default=None,
        min_length=1,
        max_length=len(get_args(Event)),
        description="Which ends it is told of; without: of all.",
        json_schema_extra=listing("set"),
    )


class DeliveryStatus(Model):
    """What became of telling the job's webhook of this run's end."""

    phase: DeliveryPhase | None = Field(
        default=None,
        description="Pending, Delivered, or Failed (given up; lastError says why).",
    )
    attempts: Int32 | None = Field(default=None, description="Attempts that were made.")
    next_time: Timestamp | None = Field(
        default=None, description="Before this it is not attempted (again)."
    )
    completion_time: Timestamp | None = Field(
        default=None, description="When it was delivered, or given up."
    )
    last_error: LastError | None = Field(default=None, description="How the last attempt failed.")


class WebhookStatus(Model):
    """That the webhook is told of nothing, and why."""

    phase: WebhookPhase | None = Field(
        default=None,
        description="Waiting (for a Secret), or Paused (it has answered 410 Gone, and is called"
        f" again once spec.runs.webhook or the annotation {ANNOTATION_RESUME} changes).",
    )
    reason: Reason | None = Field(default=None, description="Why, in one CamelCase word.")
    message: Message | None = Field(default=None, description="Why, for people.")
    since: Timestamp | None = Field(default=None, description="Since when.")
    hook: Annotated[str, Field(max_length=80)] | None = Field(
        default=None,
        description="Digest of the webhook that this is about: it says nothing of another one.",
    )
