"""Parts of a status that several kinds share: conditions, and the shape of what is reported."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from wavegate.api.base import Generation, Int64, Model, Timestamp, listing


class Condition(Model):
    """One condition, as everywhere in Kubernetes (metav1.Condition)."""

    type: Annotated[
        str,
        StringConstraints(
            max_length=316,
            pattern=r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
            r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
        ),
    ] = Field(description="Type of the condition, such as Ready.")
    status: Literal["True", "False", "Unknown"] = Field(description="True, False or Unknown.")
    reason: Annotated[
        str,
        StringConstraints(
            min_length=1, max_length=1024, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
        ),
    ] = Field(description="Why, in one CamelCase word, for programs.")
    message: Annotated[str, StringConstraints(max_length=32768)] = Field(
        description="Why, for people: the cause, the evidence, who can unblock it."
    )
    last_transition_time: Timestamp = Field(description="When status last changed.")
    observed_generation: Generation | None = Field(
        default=None, description="metadata.generation that the condition is about."
    )


class ObservedStatus(Model):
    """What every kind reports."""

    observed_generation: Generation | None = Field(
        default=None,
        description="metadata.generation that this status is about; -1 before the operator's"
        " first look.",
    )
    conditions: list[Condition] = Field(
        default_factory=list,
        max_length=16,
        description="Conditions: Ready, Available, and while they are true Reconciling and"
        " Stalled.",
        json_schema_extra=listing("map", "type"),
    )


class Revisioned(ObservedStatus):
    """A status that counts its changes."""

    revision: Int64 | None = Field(
        default=None, description="Counts every change of spec or status."
    )
    updated_at: Timestamp | None = Field(default=None, description="When the status last changed.")
