"""Actions of a plan for a batch become requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, Final, assert_never

from wavegate.api.names import ANNOTATION_ITEM
from wavegate.api.runbatch import MAX_BYTES, MAX_ERRORS, BatchItem
from wavegate.cache.fields import mapping, text
from wavegate.cache.runs import RunCache
from wavegate.domain.actions import DeleteRecord, SetStatus
from wavegate.engine.bodies import Document, Owner
from wavegate.engine.client import Client
from wavegate.engine.events import EventTeller
from wavegate.engine.objects import delete, look_at, put_status, tried
from wavegate.engine.outcomes import Done, Outcome
from wavegate.engine.pace import Pace
from wavegate.kube.errors import NotFound
from wavegate.kube.resources import CONFIG_MAPS, JOB_RUNS, RUN_BATCHES
from wavegate.runner import bodies
from wavegate.runner.creating import create_or_find
from wavegate.runs.batch_actions import BatchAction, CreateItemRun, Read
from wavegate.runs.batch_items import problem_of, problems_together, read_lines
from wavegate.runs.batch_observed import BatchView, Problem, ReadItems
from wavegate.runs.observed import AskedJobView
from wavegate.runs.payload import digest
from wavegate.runs.replaying import replay_spec

_MOST_LINES: Final = 4 * MAX_BYTES
"""Bytes of a ConfigMap's key that are looked at: keys, metadata and blanks need room as well."""


class BatchExecutor:
    """Carries out single actions. ``now``: epoch seconds."""

    def __init__(
        self,
        client: Client,
        cache: RunCache,
        pace: Pace,
        events: EventTeller,
        now: Callable[[], float],
    ) -> None:
        self._client = client
        self._cache = cache
        self._pace = pace
        self._events = events
        self._now = now
        self._read: dict[str, ReadItems] = {}

    def read(self, batch: BatchView) -> ReadItems | None:
        """The batch's items, where they have been read."""
        return self._read.get(batch.uid)

    def keep_only(self, uids: set[str]) -> None:
        """Forget the items of all other batches."""
        for uid in self._read.keys() - uids:
            del self._read[uid]

    def taking(self, *_: object) -> AbstractContextManager[None]:
        """Nothing: items are made in their order, and each run has its own name."""
        return nullcontext()

    async def execute(self, batch: BatchView, action: BatchAction) -> Outcome:
        """Carry out an action of a plan for ``batch``; what may go wrong is returned."""
        return await tried(self._do(batch, action), partial(self._look, batch, action))

    async def _do(self, batch: BatchView, action: BatchAction) -> Outcome:
        match action:
            case Read():
                self._read[batch.uid] = await self._items(batch, action.job)
                return Done()
            case CreateItemRun():
                return await self._create(batch, action)
            case SetStatus():
                return await self._record(batch, action)
            case DeleteRecord():
                return await delete(self._client, self._cache, batch.namespace, action)
            case _:
                assert_never(action)

    async def _record(self, batch: BatchView, action: SetStatus) -> Outcome:
        if (too_soon := self._pace.too_soon(action)) is not None:
            return too_soon
        await put_status(self._client, self._cache, batch.namespace, action)
        self._pace.wrote(action)
        owner = Owner(RUN_BATCHES.kind, batch.name, batch.uid)
        self._events.tell(batch.namespace, owner, action.notes)
        return Done()

    async def _create(self, batch: BatchView, action: CreateItemRun) -> Outcome:
        spec = dict(action.spec)
        if action.replay_of:
            try:
                source = await self._client.get(JOB_RUNS, batch.namespace, action.replay_of)
            except NotFound:
                self._forget_source(batch, action.replay_of)
                raise
            spec |= replay_spec(action.replay_of, mapping(source.get("spec")))
        body = bodies.item_run(batch, action, spec)
        return await create_or_find(self._client, self._cache, body, _is_same)

    def _forget_source(self, batch: BatchView, name: str) -> None:
        """What its watch has not told yet; the next pass counts it as gone."""
        run = self._cache.runs.get(batch.namespace, name)
        if run is not None:
            self._cache.forget(JOB_RUNS.kind, batch.namespace, name, run.uid)

    async def _items(self, batch: BatchView, job: AskedJobView) -> ReadItems:
        """Read and judge them, with a turn for everything else after each."""
        assert batch.spec is not None
        assert job.spec is not None
        items, wrong, sha = list(batch.spec.items), list[Problem](), ""
        total = len(items)
        if batch.spec.items_from is not None:
            ref = batch.spec.items_from.config_map_key_ref
            found = await self._text(batch.namespace, ref.name, ref.key)
            if isinstance(found, ReadItems):
                return found
            sha = digest(found)
            for _, each in read_lines(found):
                total += 1
                (items if isinstance(each, BatchItem) else wrong).append(each)  # type: ignore[arg-type]
                if total % 50 == 0:
                    await asyncio.sleep(0)
        wrong += problems_together(items)
        for item in items:
            problem = problem_of(item, job.spec.runs.payload_schema)
            wrong += [problem] if problem is not None else []
            await asyncio.sleep(0)
        return ReadItems(
            self._now(),
            items=tuple(items) if not wrong else (),
            digest=sha,
            problems=tuple(wrong[:MAX_ERRORS]),
            total=total,
            wrong=len(wrong),
            version_key=job.version_key,
        )

    async def _text(self, namespace: str, name: str, key: str) -> str | ReadItems:
        try:
            found = await self._client.get(CONFIG_MAPS, namespace, name)
        except NotFound:
            return ReadItems(self._now(), unreadable=f"there is no ConfigMap {name}")
        data: Mapping[str, Any] = mapping(found.get("data"))
        if key not in data:
            return ReadItems(self._now(), unreadable=f"ConfigMap {name} has no key {key}")
        return text(data[key])[:_MOST_LINES]

    async def _look(self, batch: BatchView, action: BatchAction) -> None:
        if isinstance(action, SetStatus | DeleteRecord):
            name, uid = action.name, action.uid
            await look_at(self._client, self._cache, action.kind, batch.namespace, name, uid)


def _is_same(made: Document, wanted: Document) -> bool:
    """Whether what is there is the run of this item: made by whoever led before."""
    marks = (mapping(each["metadata"].get("annotations")) for each in (made, wanted))
    return len({mark.get(ANNOTATION_ITEM) for mark in marks}) == 1
