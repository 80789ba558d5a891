"""Defaults that the operator fills in, found by letting it do so.

Nothing is typed twice: a rollout section that says as little as may be is completed by the same
function that the rules use, once for each type of job, and what was added are the defaults.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

from pydantic import BaseModel

from wavegate.api.defaults import effective_rollout
from wavegate.api.fleetjob import FleetJobSpec, JobType
from wavegate.api.rollout import Rollout
from wavegate.reference.words import value

ROOT: Final = "spec.rollout"
_MAX_PARALLEL: Final = f"{ROOT}.maxParallel"
_PROBE: Final = 7
"""A wave size that is nobody's default."""


def filled_defaults() -> dict[str, str]:
    """By path in a FleetJob: the default in words, for every field that the operator fills in."""
    by_type = {name: _added(name) for name in get_args(JobType)}
    paths = dict.fromkeys(path for added in by_type.values() for path in added)
    return {
        path: _in_words({name: added.get(path, "none") for name, added in by_type.items()})
        for path in paths
    }


def _in_words(by_type: Mapping[str, str]) -> str:
    """The usual default first, then the types that have another, which may be none."""
    types: dict[str, list[str]] = {}
    for name, words in by_type.items():
        types.setdefault(words, []).append(f"`{name}`")
    usual = max(types, key=lambda words: len(types[words]))
    others = [
        f"{words} for type {' and '.join(names)}"
        for words, names in types.items()
        if words != usual
    ]
    return "; ".join([usual, *others])


def _added(job_type: str) -> dict[str, str]:
    """What is filled in for a job of this type, with what it depends on."""
    bare = _completed(job_type, Rollout())
    rolling = _completed(job_type, _rollout("Rolling"))
    canary = _completed(job_type, _rollout("Canary"))
    follows = _completed(job_type, _rollout("Canary", maxParallel=_PROBE))
    instead = {
        f"{ROOT}.canaryPercent": _rollout("Canary", canaryPercent=_PROBE),
        f"{ROOT}.healthCheck.minHealthyTime": _rollout("Canary", minHealthyTime="1m"),
    }
    words: dict[str, str] = {}
    for path, found in {**canary, **bare}.items():
        if follows.get(path) == _PROBE:
            words[path] = f"as `{_MAX_PARALLEL}`"
            continue
        text = value(found)
        if path not in rolling and path not in bare:
            text += " with strategy `Canary`"
        for other, given in instead.items():
            if path in canary and path not in _completed(job_type, given):
                text += f" unless `{other}` is given"
        words[path] = text
    return words


def _rollout(strategy: str, **fields: Any) -> Rollout:
    check = {"deadline": "1m"}
    if "minHealthyTime" in fields:
        check["minHealthyTime"] = fields.pop("minHealthyTime")
    return Rollout.model_validate({"strategy": strategy, "healthCheck": check, **fields})


def _completed(job_type: str, sparse: Rollout) -> dict[str, Any]:
    spec = FleetJobSpec.model_construct(type=job_type, rollout=sparse)
    return dict(_difference(sparse, effective_rollout(spec), ROOT))


def _difference(sparse: BaseModel, full: BaseModel, path: str) -> Iterator[tuple[str, Any]]:
    for name, field in type(full).model_fields.items():
        before, after = getattr(sparse, name, None), getattr(full, name)
        inner = f"{path}.{field.alias or name}"
        if isinstance(before, BaseModel) and isinstance(after, BaseModel):
            yield from _difference(before, after, inner)
        elif before is None and after is not None:
            yield inner, after
