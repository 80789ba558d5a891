"""Raw documents of RunBatches to views. Items are kept while the batch is open, and no longer."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from pydantic import ValidationError

from wavegate.api.durations import parse_duration
from wavegate.api.fleetjob import field_problems
from wavegate.api.runbatch import RunBatchSpec, RunBatchStatus
from wavegate.cache.fields import Meta, Raw, flag, mapping, meta_of, text
from wavegate.cache.statuses import readable
from wavegate.cache.store import Item, item_of
from wavegate.runs.batch_observed import BatchView
from wavegate.runs.batch_states import ENDED

_REMEMBERED: Final = 16
"""Specs: they are large, and a batch's status changes some twenty times."""

_Read = tuple[RunBatchSpec | None, str]


class BatchDecoder:
    """Decodes RunBatch. Raises ValueError as other decoders do."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, int], _Read] = OrderedDict()

    def batch(self, raw: Raw) -> Item[BatchView]:
        meta = meta_of(raw)
        raw_spec, status = mapping(raw.get("spec")), readable(RunBatchStatus, raw.get("status"))
        spec, invalid = (None, "") if status.get("state") in ENDED else self._read(meta, raw_spec)
        view = BatchView(
            namespace=meta.namespace,
            name=meta.name,
            uid=meta.uid,
            resource_version=meta.resource_version,
            created=meta.created,
            generation=meta.generation,
            job=text(raw_spec.get("jobName")),
            spec=spec,
            invalid=invalid,
            canceled=flag(raw_spec.get("canceled")),
            finished_ttl=_ttl(raw_spec),
            deleting=meta.deleting,
            status=status,
        )
        return item_of(meta, "", view)

    def _read(self, meta: Meta, raw_spec: Raw) -> _Read:
        identity = (meta.uid, meta.generation)
        if identity not in self._known:
            self._known[identity] = _load(raw_spec)
        self._known.move_to_end(identity)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return self._known[identity]


def _load(raw_spec: Raw) -> _Read:
    try:
        return RunBatchSpec.model_validate(dict(raw_spec)), ""
    except ValidationError as error:
        return None, "; ".join(field_problems(error, "spec"))


def _ttl(raw_spec: Raw) -> float | None:
    try:
        return parse_duration(text(raw_spec.get("finishedTTL")))
    except ValueError:
        return None
