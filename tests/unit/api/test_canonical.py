"""Canonical form: spelling does not matter, anything else does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavegate.api.canonical import canonical, rollout_key, version_hash, version_key, workload_hash
from wavegate.api.fleetjob import load_job_spec

HEALTH = {"deadline": "5m", "interval": "15s"}
BASE: dict[str, Any] = {
    "type": "pipeline",
    "config": {"input": {"rate": 1, "list": [1, 2]}, "text": "x"},
    "labels": {"team": "a"},
    "meta": {"owner": "b"},
    "selector": {"matchLabels": {"role": "edge"}, "matchIds": ["n1"]},
    "rollout": {"strategy": "Rolling", "healthCheck": HEALTH, "maxParallel": 3},
    "template": {"spec": {"containers": [{"name": "main", "image": "i"}]}},
}
DEFAULTS: dict[str, Any] = {
    "labels": {},
    "meta": {},
    "priority": 50,
    "restartPolicy": "OnFailure",
    "selector": {"matchLabels": {}, "matchExpressions": [], "matchIds": []},
    "timeouts": {"execution": "0s", "queue": "0s", "total": "0s"},
    "suspend": False,
    "rollout": {
        "strategy": "Immediate",
        "maxParallel": "10%",
        "rollbackParallel": "10%",
        "autoPromote": False,
        "maxFailedNodes": 10,
        "maxFailedNodesPercent": 10,
        "noAutoRollback": False,
        "paused": False,
        "canarySelector": {"matchLabels": {}},
        "spreadBy": [],
        "prePull": False,
    },
}
HEALTH_DEFAULTS = {
    "interval": "10s",
    "maxErrorRate": 0.1,
    "successThreshold": 2,
    "failureThreshold": 3,
}

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.text(max_size=8)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
configs = st.dictionaries(st.text(max_size=5), values, max_size=5)


def form(raw: dict[str, Any]) -> str:
    return canonical(load_job_spec(raw))


def changed(path: str, value: Any) -> dict[str, Any]:
    raw: dict[str, Any] = json.loads(json.dumps(BASE))
    *parents, last = path.split(".")
    place = raw
    for part in parents:
        place = place.setdefault(part, {})
    place[last] = value
    return raw


def reversed_keys(value: Any) -> Any:
    match value:
        case dict():
            return {key: reversed_keys(value[key]) for key in reversed(value)}
        case list():
            return [reversed_keys(item) for item in value]
    return value


def with_nulls(value: Any) -> Any:
    match value:
        case dict():
            return {"~null": None, **{key: with_nulls(item) for key, item in value.items()}}
        case list():
            return [with_nulls(item) for item in value]
    return value


def floated(value: Any) -> Any:
    """The same JSON to the API server, which does not tell 1.0 from 1."""
    match value:
        case bool():
            return value
        case int():
            return float(value)
        case dict():
            return {key: floated(item) for key, item in value.items()}
        case list():
            return [floated(item) for item in value]
    return value


def meant(value: Any) -> Any:
    """What a config says, by other means than the code under test: tagged, ordered, null-free."""
    match value:
        case None | bool():
            return repr(value)
        case int() | float():
            return ("number", float(value) + 0.0)
        case str():
            return ("text", value)
        case dict():
            return (
                "map",
                tuple((key, meant(value[key])) for key in sorted(value) if value[key] is not None),
            )
    return ("list", tuple(meant(item) for item in value))


@given(configs)
def test_key_order_nulls_and_the_spelling_of_numbers_do_not_matter(config: dict[str, Any]) -> None:
    plain = form({"type": "pipeline", "config": config})
    for other in (reversed_keys(config), with_nulls(config), floated(config)):
        assert form({"config": other, "type": "pipeline"}) == plain


@given(configs, configs)
def test_forms_are_equal_exactly_when_configs_mean_the_same(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    same = form({"type": "pipeline", "config": one}) == form({"type": "pipeline", "config": other})
    assert same == (meant(one) == meant(other))


@given(st.data())
def test_explicit_defaults_do_not_matter(data: st.DataObject) -> None:
    raw: dict[str, Any] = {"type": "pipeline", "config": {}}
    keys = data.draw(st.sets(st.sampled_from(sorted(DEFAULTS))))
    explicit = {key: DEFAULTS[key] for key in keys}
    if "rollout" in keys:
        parts = data.draw(st.sets(st.sampled_from(sorted(DEFAULTS["rollout"]))))
        explicit["rollout"] = {key: DEFAULTS["rollout"][key] for key in parts}
    assert form({**raw, **explicit}) == form(raw) == '{"config":{},"type":"pipeline"}'


@given(st.sets(st.sampled_from(sorted(HEALTH_DEFAULTS))))
def test_explicit_defaults_of_a_health_check_do_not_matter(keys: set[str]) -> None:
    def raw(health: dict[str, Any]) -> dict[str, Any]:
        rollout = {"strategy": "Canary", "healthCheck": {"deadline": "5m", **health}}
        return {"type": "pipeline", "config": {}, "rollout": rollout}

    assert form(raw({key: HEALTH_DEFAULTS[key] for key in keys})) == form(raw({}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            changed("rollout.healthCheck.deadline", "60s"),
            changed("rollout.healthCheck.deadline", "1m"),
        ),
        (
            changed("rollout.healthCheck.maxErrorRate", 1),
            changed("rollout.healthCheck.maxErrorRate", 1.0),
        ),
        (changed("config.n", 1e20), changed("config.n", 10**20)),
        (changed("rollout.rollbackParallel", 3), BASE),
        (changed("description", None), BASE),
    ],
)
def test_two_spellings_of_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert form(one) == form(other)


def test_one_canary_is_the_default_of_canary_only() -> None:
    canary = changed("rollout.strategy", "Canary")
    one = changed("rollout.strategy", "Canary")
    one["rollout"]["canaryCount"] = 1
    assert form(one) == form(canary)
    assert form(changed("rollout.canaryCount", 1)) != form(BASE)


CHANGES: list[tuple[str, Any]] = [
    ("type", "container"),
    ("config", {}),
    ("config.input.rate", 2),
    ("config.input.rate", True),
    ("config.input.rate", "1"),
    ("config.input.list", [2, 1]),
    ("config.input.list", [1, None, 2]),
    ("config.text", None),
    ("config.new", {}),
    ("labels.team", "b"),
    ("labels.new", ""),
    ("meta.owner", "c"),
    ("restartPolicy", "Always"),
    ("timeouts.execution", "1m"),
    ("timeouts.queue", "1m"),
    ("timeouts.total", "1m"),
    ("selector.matchLabels.role", "core"),
    ("selector.matchIds", []),
    ("selector.matchExpressions", ["a"]),
    ("template.spec.hostNetwork", True),
    ("rollout.strategy", "Canary"),
    ("rollout.maxParallel", 4),
    ("rollout.maxParallel", "3%"),
    ("rollout.rollbackParallel", 1),
    ("rollout.maxFailedNodes", 0),
    ("rollout.maxFailedNodesPercent", 0),
    ("rollout.noAutoRollback", True),
    ("rollout.autoPromote", True),
    ("rollout.canaryPercent", 5),
    ("rollout.canarySelector", {"matchLabels": {"tier": "canary"}}),
    ("rollout.spreadBy", ["zone"]),
    ("rollout.spreadBy", ["zone", "arch"]),
    ("rollout.healthCheck.deadline", "6m"),
    ("rollout.healthCheck.maxErrorRate", 0),
    ("rollout.healthCheck.successThreshold", 3),
    ("rollout.healthCheck.minHealthyTime", "1m"),
]
UNVERSIONED: list[tuple[str, Any]] = [
    ("suspend", True),
    ("rollout.paused", True),
    ("description", "text"),
    ("priority", 7),
    ("meta.wavegate.dev/note", "x"),
]
REACHES_A_NODE = ("type", "config", "template", "labels", "restartPolicy")


def set_in(path: str, value: Any) -> dict[str, Any]:
    if path.startswith("meta.wavegate.dev"):
        return {**BASE, "meta": {**BASE["meta"], path.removeprefix("meta."): value}}
    return changed(path, value)


@pytest.mark.parametrize(("path", "value"), CHANGES, ids=str)
def test_anything_else_makes_a_version(path: str, value: Any) -> None:
    before, after = load_job_spec(BASE), load_job_spec(set_in(path, value))
    assert version_key(after) != version_key(before)
    assert canonical(after) != canonical(before)


@pytest.mark.parametrize(("path", "value"), CHANGES, ids=str)
def test_only_what_reaches_a_node_changes_the_workload(path: str, value: Any) -> None:
    before, after = load_job_spec(BASE), load_job_spec(set_in(path, value))
    differs = workload_hash(after, "image", "1") != workload_hash(before, "image", "1")
    reaches = path.split(".", maxsplit=1)[0] in REACHES_A_NODE or path == "timeouts.execution"
    assert differs == reaches


@pytest.mark.parametrize(("path", "value"), CHANGES, ids=str)
def test_only_the_rollout_section_changes_the_rollout_key(path: str, value: Any) -> None:
    before, after = load_job_spec(BASE), load_job_spec(set_in(path, value))
    assert (rollout_key(after) != rollout_key(before)) == path.startswith("rollout.")


@pytest.mark.parametrize(("path", "value"), UNVERSIONED, ids=str)
def test_words_and_switches_make_no_version(path: str, value: Any) -> None:
    before, after = load_job_spec(BASE), load_job_spec(set_in(path, value))
    assert canonical(after) != canonical(before)
    assert version_key(after) == version_key(before)
    assert rollout_key(after) == rollout_key(before)
    assert workload_hash(after, "image", "1") == workload_hash(before, "image", "1")


def test_pausing_a_job_without_a_rollout_section_makes_no_version() -> None:
    bare = {"type": "pipeline", "config": {}}
    paused = load_job_spec({**bare, "rollout": {"paused": True}})
    assert version_key(paused) == version_key(load_job_spec(bare))
    assert rollout_key(paused) == rollout_key(load_job_spec(bare)) == "{}"


def test_reserved_meta_alone_is_as_no_meta() -> None:
    bare = {"type": "pipeline", "config": {}}
    noted = load_job_spec({**bare, "meta": {"wavegate.dev/note": "x"}})
    assert version_key(noted) == version_key(load_job_spec(bare))


def test_the_drivers_image_and_revision_change_the_workload() -> None:
    spec = load_job_spec(BASE)
    hashes = {
        workload_hash(spec, i, r) for i, r in [("a", "1"), ("b", "1"), ("a", "2"), ("a1", "")]
    }
    assert len(hashes) == 4


def test_hashes_of_versions_differ_where_versions_do() -> None:
    spec, other = load_job_spec(BASE), load_job_spec(set_in("labels.team", "b"))
    suspended = load_job_spec({**BASE, "suspend": True})
    assert version_hash(spec) == version_hash(suspended) != version_hash(other)
    assert len(version_hash(spec)) == len("h1:") + 32


def test_stored_hashes_stay_what_they_are() -> None:
    """A change here would restart every node of every fleet: it needs a new hash format."""
    assert workload_hash(load_job_spec(BASE), "image", "1") == "h1:74e9ee766febddfe57f798f1e4be7605"


def test_a_number_that_no_server_holds_breaks_nothing() -> None:
    huge = load_job_spec({**BASE, "config": {"number": 10**400}})
    assert version_key(huge) != version_key(load_job_spec(BASE))
