"""Rules of the CRD of batches; see `api_rules`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from integration.api_rules import Object, Rule, patch
from integration.run_documents import run_batch

_ONE: Final = "spec: needs exactly one of items, itemsFrom, cancel and replay"
_FROM: Final = {"configMapKeyRef": {"name": "lines", "key": "items.jsonl"}}
_FIXED: Final[dict[str, Any]] = {
    "jobName": "other",
    "items": [{"key": "b"}],
    "labels": {"source": "shop"},
}


def _selecting(way: str, **spec: Any) -> Object:
    return run_batch(way, **{"items": None, "jobName": None, way: {}, **spec})


def _old(way: str) -> Object:
    return {**_selecting(way, jobName="echo"), "metadata": {"name": f"old-{way}"}}


def _items(*items: Object) -> Object:
    return run_batch(items=list(items))


def _payloads(count: int, size: int) -> Object:
    return _items(*({"key": f"k{n}", "payload": "1" * size} for n in range(count)))


def _way_rules() -> Iterator[Rule]:
    good = run_batch()
    yield Rule("batch without a way", good, run_batch(items=None), _ONE)
    yield Rule("batch with two ways", good, run_batch(itemsFrom=_FROM), _ONE)
    yield Rule("items and cancel", good, run_batch(cancel={}), _ONE)
    says = "spec.jobName: is required with items and itemsFrom"
    yield Rule("items without a job", good, run_batch(jobName=None), says)
    source = run_batch(items=None, itemsFrom=_FROM)
    lines = run_batch(items=None, jobName=None, itemsFrom=_FROM)
    yield Rule("lines without a job", source, lines, says)
    for way in ("cancel", "replay"):
        says = f"spec: {way} needs a jobName, {way}.matchLabels or {way}.matchExpressions"
        some = {way: {"matchLabels": {"a": "b"}}}
        yield Rule(f"{way} of a job", _selecting(way, jobName="echo"), _selecting(way), says)
        yield Rule(f"{way} by label", _selecting(way, **some), _selecting(way), says)
        none = {way: {"matchLabels": {}, "matchExpressions": []}}
        some = {way: {"matchExpressions": ["a in (b,c)"]}}
        yield Rule(f"{way} by nothing", _selecting(way, **some), _selecting(way, **none), says)
        bad = {way: {"matchExpressions": ["a = b = c"]}}
        says = f"spec.{way}.matchExpressions: write k=v"
        yield Rule(f"{way} expression", _selecting(way, **some), _selecting(way, **bad), says)
        bad = {way: {"matchLabels": {"a b": "c"}}}
        says = f"spec.{way}.matchLabels: each key must be a valid label key"
        yield Rule(f"{way} label", _selecting(way, **some), _selecting(way, **bad), says)
        phases = {"jobName": "echo", way: {"phases": ["Queued"]}}
        others = {"jobName": "echo", way: {"phases": ["Completed"]}}
        right, wrong = (phases, others) if way == "cancel" else (others, phases)
        says = f"spec.{way}.phases[0]: Unsupported value"
        yield Rule(f"{way} phases", _selecting(way, **right), _selecting(way, **wrong), says)
    labels = {"labels": {"a": "b"}, "jobName": "echo"}
    says = "spec.labels: are for runs that are made"
    yield Rule("labels", _selecting("replay", **labels), _selecting("cancel", **labels), says)
    both = {"canceled": True, "jobName": "echo"}
    says = "spec.canceled: a batch that cancels cannot be canceled"
    yield Rule("canceled", _selecting("replay", **both), _selecting("cancel", **both), says)
    says = "spec.labels: keys that begin with wavegate.dev/ are reserved"
    good = run_batch(labels={"a": "b"})
    yield Rule("label", good, run_batch(labels={"wavegate.dev/a": ""}), says)
    says = "spec.labels: each key must be a valid label key"
    yield Rule("label form", good, run_batch(labels={"a b": ""}), says)


def _item_rules() -> Iterator[Rule]:
    good, one = run_batch(), {"key": "a"}
    yield Rule("no items", good, _items(), "spec.items: Invalid value")
    yield Rule("501 items", _payloads(500, 1), _payloads(501, 1), "spec.items: Too many")
    says = "spec.items[1]: Duplicate value"
    yield Rule("a key twice", _items(one, {"key": "b"}), _items(one, one), says)
    yield Rule("no key", good, _items({"payload": "{}"}), "spec.items[0].key: Required value")
    yield Rule("long key", _items({"key": "k" * 128}), _items({"key": "k" * 129}), "spec.items[0]")
    says = "spec.items.payload: must be of at most 8 KiB, as UTF-8"
    yield Rule("payload", _payloads(1, 8192), _items({"key": "a", "payload": "ä" * 5000}), says)
    says = "spec.items: payloads must be of at most 768 KiB together; make several batches"
    yield Rule("768 KiB", _payloads(96, 8192), _payloads(97, 8192), says)
    for name, right, wrong in (
        ("priority", 10, 11),
        ("ttl", "1s", "0s"),
        ("idempotencyKey", "k", ""),
    ):
        bad = _items({"key": "a", name: wrong})
        says = "spec.items.ttl: must be between" if name == "ttl" else f"spec.items[0].{name}"
        yield Rule(f"item {name}", _items({"key": "a", name: right}), bad, says)
    says = 'unknown field "spec.items[0].url"'
    yield Rule("item field", good, _items({"key": "a", "url": "x"}), says)


def _change_rules() -> Iterator[Rule]:
    label = {"metadata": {"labels": {"a": "b"}}}
    yield Rule("batch name", run_batch("a" * 63), run_batch("a.b"), "metadata.name: must be a DNS")
    yield Rule(
        "batch name length", run_batch(), run_batch("a" * 64), "metadata.name: must be a DNS"
    )
    for field, value in _FIXED.items():
        says = f"spec.{field}: cannot be changed; make another batch"
        yield Rule(f"batch {field}", label, patch(**{field: value}), says, run_batch("old"))
    for way in ("cancel", "replay"):
        old, new = _old(way), {way: {"matchLabels": {"a": "b"}}}
        says = f"spec.{way}: cannot be changed; make another batch"
        yield Rule(f"batch {way}", label, patch(**new), says, old)
    old = run_batch("lines", items=None, itemsFrom=_FROM)
    new = {"itemsFrom": {"configMapKeyRef": {"name": "other", "key": "items.jsonl"}}}
    says = "spec.itemsFrom: cannot be changed"
    yield Rule("batch itemsFrom", patch(finishedTTL="1h"), patch(**new), says, old)
    says = "spec.canceled: cannot be taken back; make another batch"
    yield Rule("taken back", label, patch(canceled=False), says, run_batch("off", canceled=True))
    ended = {**run_batch("over"), "status": {"state": "Completed"}}
    says = "spec.canceled: the batch has ended already, nothing is left to cancel"
    yield Rule("canceled of an ended batch", label, patch(canceled=True), says, ended)
    says = "spec.finishedTTL: must be between 0s and 8760h"
    yield Rule("finishedTTL", run_batch(finishedTTL="0s"), run_batch(finishedTTL="8761h"), says)
    yield Rule(
        "batch keeps its spec", label, {"spec": None}, "spec: Required value", old=run_batch("old")
    )


BATCH_RULES: Final[tuple[Rule, ...]] = (*_way_rules(), *_item_rules(), *_change_rules())
