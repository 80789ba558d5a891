"""The FleetJob's spec and the loader at the edge."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from wavegate.api.fleetjob import (
    FleetJobSpec,
    InvalidSpec,
    Rollout,
    Selector,
    config_size,
    load_job_spec,
)

MAIN = {"name": "main", "image": "busybox"}


def pipeline(**more: Any) -> dict[str, Any]:
    return {"type": "pipeline", "config": {"input": {}}, **more}


def container(spec: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "type": "container",
        "template": {"spec": {"containers": [MAIN], **(spec or {})}, **more},
    }


def queries(**fields: str) -> dict[str, str]:
    """The section prometheus of an error rate."""
    errors, total = "last_over_time(e[$window])", "last_over_time(t[$window])"
    return {"source": "main", "errorQuery": errors, "totalQuery": total, **fields}


def rolling(**health: Any) -> dict[str, Any]:
    return pipeline(rollout={"strategy": "Rolling", "healthCheck": {"deadline": "5m", **health}})


def problems(raw: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidSpec) as caught:
        load_job_spec(raw)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_defaults() -> None:
    spec = load_job_spec(pipeline())
    assert spec == FleetJobSpec(
        type="pipeline",
        config={"input": {}},
        priority=50,
        restart_policy="OnFailure",
        selector=Selector(match_labels={}, match_expressions=[], match_ids=[]),
        rollout=Rollout(
            strategy=None,
            max_parallel=None,
            auto_promote=False,
            max_failed_nodes=10,
            max_failed_nodes_percent=10,
            no_auto_rollback=False,
            health_check=None,
            paused=False,
        ),
        suspend=False,
    )


def test_health_defaults() -> None:
    health = load_job_spec(rolling()).rollout.health_check
    assert health is not None
    assert (health.interval, health.max_error_rate, health.failure_threshold) == (10.0, 0.1, 3)
    assert health.success_threshold is None, "contradicts minHealthyTime, so it is filled in later"


def test_a_spec_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_job_spec(pipeline()).suspend = True


def test_what_goes_out_comes_in_again() -> None:
    spec = load_job_spec(rolling(interval="15s", maxErrorRate=0))
    assert load_job_spec(spec.to_dict()) == spec


def test_a_null_means_not_set() -> None:
    given = pipeline(priority=None, rollout={"strategy": None, "healthCheck": None}, labels=None)
    assert load_job_spec(given) == load_job_spec(pipeline())


def test_config_and_template_are_kept_as_they_are() -> None:
    config = {"a": None, "b": [1, 2.5, {"c": "d"}]}
    template = {"spec": {"containers": [MAIN], "hostNetwork": True}}
    spec = load_job_spec({"type": "container", "config": config, "template": template})
    assert (spec.config, spec.template) == (config, template)


@pytest.mark.parametrize(
    "text",
    [
        "k=v",
        "k==v",
        "k!=v",
        "k in (a,b)",
        "k notin (a, b)",
        "k",
        "!k",
        "a.b/c-d=e_f",
        "k=",
        "k = v",
    ],
)
def test_the_seven_forms_of_an_expression(text: str) -> None:
    load_job_spec(pipeline(selector={"matchExpressions": [text]}))


@pytest.mark.parametrize(
    "text", ["", "=v", "a b", "k in a", "k in (a", "k within (a)", "k>1", "k=a,b", "k=v=w", "!k=v"]
)
def test_what_is_no_expression(text: str) -> None:
    [problem] = problems(pipeline(selector={"matchExpressions": ["k", text]}))
    assert problem.startswith("spec.selector.matchExpressions[1]: ")


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no type": ({"config": {}}, "spec.type: is required"),
    "an unknown type": ({"type": "cron"}, "spec.type: input should be 'pipeline', 'container'"),
    "an unknown field": (pipeline(bogus=1), "spec.bogus: is not known to this release"),
    "an unknown field below": (
        rolling(errorRate={"podMetrics": {"ports": 1, "port": 1, "errors": ["e"], "total": ["t"]}}),
        "spec.rollout.healthCheck.errorRate.podMetrics.ports: is not known to this release",
    ),
    "a field by its Python name": (
        pipeline(rollout={"maxParallels": 1}),
        "spec.rollout.maxParallels: is not known to this release",
    ),
    "a number as text": (pipeline(priority="5"), "spec.priority: input should be a valid integer"),
    "too high a priority": (
        pipeline(priority=101),
        "spec.priority: input should be less than or equal to 100",
    ),
    "a wave of nothing": (
        pipeline(rollout={"maxParallel": 0}),
        "spec.rollout.maxParallel: must be at least 1, or a share from 1% to 100%",
    ),
    "a share of nothing": (
        pipeline(rollout={"maxParallel": "0%"}),
        "spec.rollout.maxParallel: must be a number of nodes such as 5, or a share",
    ),
    "a wave that is neither": (
        pipeline(rollout={"maxParallel": 1.5}),
        "spec.rollout.maxParallel: input should be",
    ),
    "a bad duration": (
        rolling(interval="P1D"),
        "spec.rollout.healthCheck.interval: 'P1D' is not a duration",
    ),
    "an interval too short": (
        rolling(interval="500ms"),
        "spec.rollout.healthCheck.interval: must be between 1s and 1h",
    ),
    "a deadline of nothing": (
        rolling(deadline="0s"),
        "spec.rollout.healthCheck.deadline: must be longer than 0s and at most 24h",
    ),
    "a deadline too long": (
        rolling(deadline="25h"),
        "spec.rollout.healthCheck.deadline: must be longer than 0s and at most 24h",
    ),
    "a time too long": (
        rolling(minHealthyTime="25h"),
        "spec.rollout.healthCheck.minHealthyTime: must be longer than 0s and at most 24h",
    ),
    "both a time and a threshold": (
        rolling(minHealthyTime="1m", successThreshold=2),
        "spec.rollout.healthCheck.minHealthyTime: give either",
    ),
    "waves without a health check": (
        pipeline(rollout={"strategy": "Canary"}),
        "spec.rollout.healthCheck.deadline: is required for the strategies Rolling and Canary",
    ),
    "waves without a deadline": (
        pipeline(rollout={"strategy": "Rolling", "healthCheck": {}}),
        "spec.rollout.healthCheck.deadline: is required for the strategies Rolling and Canary",
    ),
    "an empty source": (
        rolling(errorRate={}),
        "spec.rollout.healthCheck.errorRate: give exactly one of podMetrics and prometheus",
    ),
    "two sources": (
        rolling(
            errorRate={
                "podMetrics": {"port": 1, "errors": ["e"], "total": ["t"]},
                "prometheus": queries(),
            }
        ),
        "spec.rollout.healthCheck.errorRate: give exactly one of podMetrics and prometheus",
    ),
    "a source that is an address": (
        rolling(errorRate={"prometheus": queries(source="http://10.0.0.1:9090")}),
        "spec.rollout.healthCheck.errorRate.prometheus.source: ",
    ),
    "a query without end": (
        rolling(errorRate={"prometheus": queries(totalQuery="[$window]" * 300)}),
        "spec.rollout.healthCheck.errorRate.prometheus.totalQuery: ",
    ),
    "errors of any age": (
        rolling(errorRate={"prometheus": queries(errorQuery="errors_total")}),
        "spec.rollout.healthCheck.errorRate.prometheus.errorQuery: must read its counters",
    ),
    "totals of another age": (
        rolling(errorRate={"prometheus": queries(totalQuery="last_over_time(x[5m])")}),
        "spec.rollout.healthCheck.errorRate.prometheus.totalQuery: must read its counters over",
    ),
    "a pipeline without config": (
        {"type": "pipeline"},
        "spec.config: is required for type pipeline",
    ),
    "a container without template": (
        {"type": "container"},
        "spec.template.spec.containers: type container needs a container named main",
    ),
    "a container without image": (
        {"type": "container", "template": {"spec": {"containers": [{"name": "main"}]}}},
        "spec.template.spec.containers: type container needs a container named main",
    ),
    "a reserved label": (
        pipeline(labels={"wavegate.dev/job": "x"}),
        "spec.labels: 'wavegate.dev/job' is reserved",
    ),
    "a reserved label in the template": (
        container(metadata={"labels": {"wavegate.dev/job": "x"}}),
        "spec.template.metadata.labels: 'wavegate.dev/job' is reserved",
    ),
    "a query that restarts always": (
        {"type": "query", "config": {}, "restartPolicy": "Always"},
        "spec.restartPolicy: Always is not for type query",
    ),
    "a query with windows": (
        {"type": "query", "config": {}, "rollout": {"healthCheck": {"successThreshold": 2}}},
        "spec.rollout.healthCheck: only its deadline is for a type that runs to completion",
    ),
    "a query that goes back": (
        {"type": "query", "config": {}, "rollout": {"rollbackParallel": 1}},
        "spec.rollout.rollbackParallel: is not for a type that runs to completion",
    ),
    "a query without a config": ({"type": "query"}, "spec.config: is required for type query"),
    "the template's restartPolicy": (
        container({"restartPolicy": "Never"}),
        "spec.template.spec.restartPolicy: is not allowed; set spec.restartPolicy instead",
    ),
    "a timeout that is too short": (
        pipeline(timeouts={"execution": "999ms"}),
        "spec.timeouts.execution: must be 0s (none) or between 1s and 8760h",
    ),
    "a timeout that is too long": (
        pipeline(timeouts={"total": "8761h"}),
        "spec.timeouts.total: must be 0s (none) or between 1s and 8760h",
    ),
    "a timeout that is none": (
        pipeline(timeouts={"queue": "soon"}),
        "spec.timeouts.queue: 'soon' is not a duration",
    ),
    "the template's activeDeadlineSeconds": (
        container({"activeDeadlineSeconds": 5}),
        "spec.template.spec.activeDeadlineSeconds: is not allowed; set spec.timeouts.execution",
    ),
    "the template's nodeName": (
        container({"nodeName": "a"}),
        "spec.template.spec.nodeName: is not allowed",
    ),
    "a template's spec that is none": (
        {"type": "pipeline", "config": {}, "template": {"spec": "main"}},
        "spec.template.spec: must be an object",
    ),
    "a template's metadata that is none": (
        {"type": "pipeline", "config": {}, "template": {"metadata": [1]}},
        "spec.template.metadata: must be an object",
    ),
    "affinity to a node's name": (
        container(
            {
                "affinity": {
                    "nodeAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": {
                            "nodeSelectorTerms": [
                                {
                                    "matchFields": [
                                        {"key": "metadata.name", "operator": "In", "values": ["a"]}
                                    ]
                                }
                            ]
                        }
                    }
                }
            }
        ),
        "spec.template.spec.affinity: matchFields is not allowed",
    ),
}


@pytest.mark.parametrize(("raw", "line"), WRONG.values(), ids=list(WRONG))
def test_the_loader_names_the_field(raw: dict[str, Any], line: str) -> None:
    found = problems(raw)
    assert len(found) == 1, found
    assert found[0].startswith(line)


@pytest.mark.parametrize("raw", [None, [], "text"])
def test_no_spec_at_all_is_a_problem_not_a_crash(raw: object) -> None:
    with pytest.raises(InvalidSpec, match="spec: is required and must be an object"):
        load_job_spec(raw)


def test_every_problem_has_a_line() -> None:
    assert [p.split(":")[0] for p in problems({"type": "pipeline", "a": 1, "b": 2})] == [
        "spec.a",
        "spec.b",
    ]


@pytest.mark.parametrize(
    "template",
    [
        {"spec": "text"},
        {"spec": {"containers": "text"}},
        {"spec": {"containers": [1, None], "affinity": []}},
        {"metadata": []},
    ],
)
def test_a_template_of_another_shape_is_a_problem_not_a_crash(template: dict[str, Any]) -> None:
    assert problems({"type": "container", "template": template})


def test_config_size_is_that_of_compact_json() -> None:
    assert config_size(load_job_spec({"type": "pipeline", "config": {"a": "é"}})) == 10
    assert config_size(FleetJobSpec(type="container")) == 0


@pytest.mark.parametrize("field", ["config", "template", "meta", "unknown"])
def test_a_spec_of_a_hundred_levels_is_read_and_one_of_more_is_refused(field: str) -> None:
    inner: Any = {}
    for _ in range(98):
        inner = {"a": inner}
    if field == "config":
        assert load_job_spec(pipeline(config=inner)).config == inner
    problem = f"spec.{field}: is nested more than 100 levels deep"
    assert problems(pipeline(**{field: {"a": inner}})) == [problem]


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"labels": {f"k{n}": 1 for n in range(90_000)}}, "spec.labels: holds more than 20000"),
        ({"selector": {"matchIds": [[]] * 30_000}}, "spec.selector: holds more than 20000 values"),
        ({"config": {"a": [1] * 20_000}}, "spec.config: holds more than 20000 values"),
        ({f"field{n}": 1 for n in range(1000)}, "spec: has 1002 fields; at most 100 are read"),
        ({"x" * 10_000: [0] * 30_000}, f"spec.{'x' * 100}: holds more than 20000 values"),
    ],
    ids=["labels", "node names", "values of a config", "unknown fields", "an unknown field"],
)
def test_a_spec_of_more_than_anybody_reads_is_refused_at_once(
    more: dict[str, Any], problem: str
) -> None:
    [said] = problems(pipeline(**more))
    assert said.startswith(problem)


def test_a_config_of_as_many_values_as_it_may_have_is_read() -> None:
    most = {"a": [1] * 19_999}
    assert load_job_spec(pipeline(config=most)).config == most


def test_of_many_mistakes_a_hundred_are_told() -> None:
    labels = {f"{n:05}{'k' * 1000}": 1 for n in range(10_000)}
    *first, last = problems(pipeline(labels=labels))
    assert len(first) == 100
    assert max(map(len, first)) < 200
    assert last == "spec: 9900 more mistakes"
