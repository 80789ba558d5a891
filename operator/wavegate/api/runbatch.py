"""RunBatch: many runs asked for at once, or many canceled or replayed; all of them or none."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from wavegate.api.base import (
    Int32,
    JobName,
    Message,
    MetaValue,
    Model,
    ObjectName,
    Reason,
    Timestamp,
    between,
    cel,
    listing,
    rules,
)
from wavegate.api.durations import Seconds
from wavegate.api.fleetjob import EXPRESSION_FORMS, EXPRESSION_PATTERN, expression
from wavegate.api.httpjob import KeyRef
from wavegate.api.jobrun import MAX_PAYLOAD, UNENDED, Phase
from wavegate.api.status import ObservedStatus
from wavegate.api.template import LABEL_KEYS, LabelValue, own_labels

MAX_ITEMS: Final = 500
MAX_BYTES: Final = 768 * 1024
"""Of the payloads of a batch, and of what itemsFrom names."""
MAX_BATCH_NAME: Final = 63
MAX_ERRORS: Final = 20

BatchState = Literal["Pending", "Running", "Completed", "Failed", "Refused", "Canceled"]
Unended = Literal["Delayed", "Queued", "Executing", "Waiting"]
Ended = Literal[
    "Completed",
    "Failed",
    "TimedOut",
    "Crashed",
    "SystemFailed",
    "Canceled",
    "Expired",
    "DeadLetter",
]

_FIXED: Final = (
    "jobName",
    "items",
    "itemsFrom",
    "cancel",
    "replay",
    "labels",
)


def _fixed(field: str) -> dict[str, str]:
    return cel(
        f"has(self.{field}) == has(oldSelf.{field}) &&"
        f" (!has(self.{field}) || self.{field} == oldSelf.{field})",
        f"spec.{field}: cannot be changed; make another batch",
        field_path=f".{field}",
        reason="FieldValueForbidden",
    )


def _labels(path: str, words: str) -> Any:
    return Field(
        default_factory=dict,
        max_length=32,
        description=words,
        json_schema_extra=rules(cel(LABEL_KEYS, f"{path}: each key must be a valid label key")),
    )


def _expressions(path: str) -> Any:
    """Field of a list of match expressions; told of by the list, since items have no name."""
    rule = f"self.all(e, e.matches(r'{EXPRESSION_PATTERN}'))"
    return Field(
        default_factory=list,
        max_length=16,
        description="Expressions that must all hold of a run's labels: k=v, k==v, k!=v, k in (a,b),"
        " k notin (a,b), k, !k. != and notin also match runs without the key.",
        json_schema_extra={
            **listing("atomic"),
            **rules(cel(rule, f"{path}: {EXPRESSION_FORMS}")),
        },
    )


Expression = Annotated[
    str, StringConstraints(min_length=1, max_length=512), AfterValidator(expression)
]


class BatchItem(Model):
    """One run that is asked for."""

    key: Annotated[str, StringConstraints(min_length=1, max_length=128)] = Field(
        description="Tells the item from the others of the batch. The run's name follows from batch"
        " and key, so that none is made twice."
    )
    payload: Annotated[str, StringConstraints(max_length=MAX_PAYLOAD)] | None = Field(
        default=None,
        description="The body of the call, a JSON document as text; without, {}. At most 8 KiB.",
        json_schema_extra=rules(
            cel(
                f"bytes(self).size() <= {MAX_PAYLOAD}",
                "spec.items.payload: must be of at most 8 KiB, as UTF-8",
            )
        ),
    )
    idempotency_key: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = Field(
        default=None,
        description="As in a JobRun: of the runs of the job with the same key, asked for within"
        " 24 h, one is executed, whichever batch they are of.",
    )
    priority: Annotated[int, Field(ge=0, le=10, json_schema_extra={"format": "int32"})] | None = (
        Field(
            default=None, description="Higher starts first among the runs of the job, from 0 to 10."
        )
    )
    not_before: Timestamp | None = Field(
        default=None, description="Before this it does not start: it is Delayed."
    )
    metadata: dict[str, MetaValue] = Field(
        default_factory=dict,
        max_length=64,
        description="Free metadata, above the job's runs.defaultMetadata.",
    )
    concurrency_key: Annotated[str, StringConstraints(min_length=1, max_length=253)] | None = Field(
        default=None,
        description="Runs with the same key share maxConcurrencyPerKey, and keys take turns.",
    )
    ttl: Seconds | None = Field(
        default=None,
        description="For how long it may wait once it could start; then it is Expired. Without:"
        " as in the job.",
        json_schema_extra=between("spec.items.ttl", "1s", "8760h"),
    )


class ItemsSource(Model):
    """Where items come from."""

    config_map_key_ref: KeyRef = Field(
        description="A key of a ConfigMap in the same namespace: one item a line, as JSON."
    )


class CancelSelection(Model):
    """Which runs are canceled; all that is given must hold."""

    match_labels: dict[str, LabelValue] = _labels(
        "spec.cancel.matchLabels", "Labels that a run must have, with exactly these values."
    )
    match_expressions: list[Expression] = _expressions("spec.cancel.matchExpressions")
    phases: list[Unended] = Field(
        default_factory=list,
        max_length=4,
        description="Phases, of which the run must be in one: Delayed, Queued, Waiting, Executing."
        " Without: any of them.",
        json_schema_extra=listing("set"),
    )


class ReplaySelection(Model):
    """Which runs are replayed; all that is given must hold."""

    match_labels: dict[str, LabelValue] = _labels(
        "spec.replay.matchLabels", "Labels that a run must have, with exactly these values."
    )
    match_expressions: list[Expression] = _expressions("spec.replay.matchExpressions")
    phases: list[Ended] = Field(
        default_factory=list,
        max_length=8,
        description="Phases, of which the run must have ended in one. Without: those that ended"
        " badly, which are Failed, TimedOut, Crashed, SystemFailed, Expired and DeadLetter.",
        json_schema_extra=listing("set"),
    )


_WAYS: Final = ("items", "itemsFrom", "cancel", "replay")
_ONE_WAY: Final = "spec: needs exactly one of items, itemsFrom, cancel and replay"
_WHICH: Final = (
    "spec: {0} needs a jobName, {0}.matchLabels or {0}.matchExpressions, so that it is never every"
    " run of the namespace"
)


def _never_empty(way: str) -> dict[str, str]:
    return cel(
        f"!has(self.{way}) || has(self.jobName)"
        f" || (has(self.{way}.matchLabels) && self.{way}.matchLabels.size() > 0)"
        f" || (has(self.{way}.matchExpressions) && self.{way}.matchExpressions.size() > 0)",
        _WHICH.format(way),
        field_path=f".{way}",
        reason="FieldValueRequired",
    )


class RunBatchSpec(Model):
    """What is asked for; of it only canceled and finishedTTL can be changed."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                f"[{', '.join(f'has(self.{way})' for way in _WAYS)}].filter(x, x).size() == 1",
                _ONE_WAY,
                reason="FieldValueRequired",
            ),
            cel(
                "has(self.jobName) || !(has(self.items) || has(self.itemsFrom))",
                "spec.jobName: is required with items and itemsFrom",
                reason="FieldValueRequired",
            ),
            _never_empty("cancel"),
            _never_empty("replay"),
            cel(
                "!has(self.labels) || !has(self.cancel)",
                "spec.labels: are for runs that are made, and a batch that cancels makes none",
                field_path=".labels",
                reason="FieldValueForbidden",
            ),
            cel(
                "!self.canceled || !has(self.cancel)",
                "spec.canceled: a batch that cancels cannot be canceled; delete it",
                field_path=".canceled",
                reason="FieldValueForbidden",
            ),
            cel(
                "!has(self.items) || self.items.map(i, has(i.payload)"
                f" ? bytes(i.payload).size() : 0).sum() <= {MAX_BYTES}",
                "spec.items: payloads must be of at most 768 KiB together; make several batches",
                field_path=".items",
            ),
            *(_fixed(field) for field in _FIXED),
            cel(
                "!oldSelf.canceled || self.canceled",
                "spec.canceled: cannot be taken back; make another batch",
                field_path=".canceled",
                reason="FieldValueForbidden",
            ),
        )
    )

    job_name: JobName | None = Field(
        default=None,
        description="Name of the HTTPJob, in the same namespace, of which runs are made. With"
        " cancel and replay: only its runs.",
    )
    items: list[BatchItem] = Field(
        default_factory=list,
        min_length=1,
        max_length=MAX_ITEMS,
        description="The runs to make, at most 500.",
        json_schema_extra=listing("map", "key"),
    )
    items_from: ItemsSource | None = Field(
        default=None, description="Where the items come from, instead of items."
    )
    cancel: CancelSelection | None = Field(
        default=None,
        description="Cancels the runs that match, have not ended, and were asked for no later than"
        " in the second in which the batch was made.",
    )
    replay: ReplaySelection | None = Field(
        default=None,
        description="Makes a run with replayOf of each run that matches and has ended, at most"
        " 500.",
    )
    labels: dict[str, LabelValue] = own_labels("Labels for the runs that are made")
    canceled: bool = Field(
        default=False,
        description="Makes no further run, and cancels those of the batch that have not ended."
        " Cannot be taken back, nor set once the batch has ended.",
    )
    finished_ttl: Seconds | None = Field(
        default=None,
        alias="finishedTTL",
        description="For how long the batch is kept once it has ended, its runs being kept as the"
        " job says; 8760h at most. Without: until somebody deletes it.",
        json_schema_extra=between("spec.finishedTTL", "0s", "8760h"),
    )

    @model_validator(mode="after")
    def _has_one_way(self) -> RunBatchSpec:
        """What a schema of another release may have let through is refused here as well."""
        given = (bool(self.items), self.items_from, self.cancel, self.replay)
        if sum(each is not None and each is not False for each in given) != 1:
            raise ValueError(_ONE_WAY.removeprefix("spec: "))
        if self.cancel is None and self.replay is None and self.job_name is None:
            raise ValueError("jobName: is required with items and itemsFrom")
        for way, chosen in (("cancel", self.cancel), ("replay", self.replay)):
            if chosen is None or self.job_name is not None:
                continue
            if not chosen.match_labels and not chosen.match_expressions:
                raise ValueError(_WHICH.format(way).removeprefix("spec: "))
        return self


class BatchCounts(Model):
    """Runs that the batch is about. Where it makes runs, all others add up to total."""

    total: Int32 = Field(description="Runs that it is about.")
    pending: Int32 | None = Field(default=None, description="Not made yet.")
    open: Int32 | None = Field(
        default=None, description="Runs that have not ended; to be canceled, where it cancels."
    )
    completed: Int32 | None = Field(default=None, description="Runs that Completed.")
    failed: Int32 | None = Field(
        default=None,
        description="Failed, TimedOut, Crashed, SystemFailed, Expired or DeadLetter.",
    )
    canceled: Int32 | None = Field(
        default=None, description="Canceled, but for those that another run stands for."
    )
    duplicates: Int32 | None = Field(
        default=None, description="Canceled as Duplicate or DuplicateKey."
    )
    deleted: Int32 | None = Field(
        default=None, description="Deleted by somebody before they had ended."
    )


class BatchError(Model):
    """What is wrong with an item, or how its run ended."""

    key: Annotated[str, StringConstraints(max_length=253)] = Field(
        description="Key of the item; name of the run, where a run is replayed."
    )
    run: ObjectName | None = Field(default=None, description="The run, where there is one.")
    reason: Reason = Field(description="What is wrong, in one CamelCase word.")
    message: Annotated[str, StringConstraints(max_length=256)] = Field(
        description="What is wrong, for people."
    )


class RunBatchStatus(ObservedStatus):
    """What became of the batch."""

    state: BatchState | None = Field(
        default=None,
        description="Pending (nothing is made yet), Running, Completed (every run completed, or"
        " stands already), Failed (every run has ended, not all completed), Refused (nothing"
        " was made) or Canceled.",
    )
    reason: Reason | None = Field(default=None, description="Why, in one CamelCase word.")
    message: Message | None = Field(default=None, description="Why, for people.")
    counts: BatchCounts | None = Field(default=None, description="How many runs there are.")
    errors: list[BatchError] = Field(
        default_factory=list,
        max_length=MAX_ERRORS,
        description="The first 20 things that went wrong.",
        json_schema_extra=listing("atomic"),
    )
    progress: (
        Annotated[str, StringConstraints(max_length=MAX_ITEMS, pattern=r"^[.oCFXDG]*$")] | None
    ) = Field(
        default=None,
        description="One letter for each run, in the order of the items: . not made yet, o has not"
        " ended, C Completed, F ended badly, X Canceled, D a duplicate, G deleted.",
    )
    runs: list[ObjectName] = Field(
        default_factory=list,
        max_length=MAX_ITEMS,
        description="Of a batch that replays: the runs that it repeats, as they were found once.",
        json_schema_extra=listing("atomic"),
    )
    items_hash: Annotated[str, StringConstraints(max_length=80)] | None = Field(
        default=None, description="SHA-256 of what itemsFrom held when it was accepted."
    )
    start_time: Timestamp | None = Field(
        default=None, description="When it was accepted: since then it makes or cancels runs."
    )
    completion_time: Timestamp | None = Field(default=None, description="When it ended.")
    updated_at: Timestamp | None = Field(default=None, description="When the status last changed.")


assert set(Unended.__args__) == set(UNENDED)  # type: ignore[attr-defined]
assert {*Unended.__args__, *Ended.__args__} == set(Phase.__args__)  # type: ignore[attr-defined]
