"""Answers to instant queries; their form is that of Prometheus 2.42."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wavegate.health.parse import UnreadableError
from wavegate.health.vectors import Vector, parse_vector


def sample(value: Any, **labels: str) -> dict[str, Any]:
    return {"metric": labels, "value": [1700000000.5, value]}


def answer(*samples: dict[str, Any], kind: str = "vector", **more: Any) -> bytes:
    data = {"resultType": kind, "result": list(samples)}
    return json.dumps({"status": "success", "data": data, **more}).encode()


def vector(*samples: dict[str, Any]) -> Vector:
    return parse_vector(answer(*samples))


def test_each_node_has_its_own_sample():
    found = vector(sample("12", node="n1"), sample("1e+06", node="n2", pod="p"))
    assert (found.count("n1"), found.count("n2")) == (12, 1_000_000)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        pytest.param([], "has no sample of the window for node n1; a target", id="missing"),
        pytest.param(
            [sample("1", node="n2"), sample("1"), sample("1", node="")],
            "has no sample of the window for node n1, but 2 without the label node",
            id="a label missing",
        ),
        pytest.param(
            [sample("1", node="n1", pod="a"), sample("1", node="n1", pod="b")],
            "has 2 samples for node n1, not one",
            id="two samples",
        ),
        pytest.param([sample("NaN", node="n1")], "is nan, no count", id="not a number"),
        pytest.param([sample("+Inf", node="n1")], "is inf, no count", id="infinite"),
        pytest.param([sample("-1", node="n1")], "is -1, no count", id="negative"),
        pytest.param([sample("many", node="n1")], "is no number", id="not numeric"),
        pytest.param([sample(5, node="n1")], "is no number", id="not a string, as it should be"),
        pytest.param([{"metric": {"node": "n1"}, "histogram": [1, {}]}], "is no number", id="hist"),
    ],
)
def test_what_is_wrong_with_one_node_says_nothing_of_another(samples, message):
    found = vector(*samples, sample("7", node="fine"))
    with pytest.raises(UnreadableError, match=message):
        found.count("n1")
    assert found.count("fine") == 7


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(b"<html>log in</html>", "is not answered as a Prometheus does", id="a page"),
        pytest.param(b'{"status":"success","da', "is not answered as a Prometheus", id="cut off"),
        pytest.param(b"\xff\xfe", "is not answered as a Prometheus", id="not UTF-8"),
        pytest.param(b"[" * 50_000, "is not answered as a Prometheus", id="too deep"),
        pytest.param(b"[]", "is not answered as a Prometheus", id="a list"),
        pytest.param(b'{"status":"success"}', "is not answered as a Prometheus", id="no data"),
        pytest.param(
            answer({"metric": {"node": "n1"}, "value": [1, "2", 3]}),
            "is not answered as a Prometheus",
            id="three values",
        ),
        pytest.param(answer(kind="scalar"), "gives a scalar, not a vector", id="a scalar"),
        pytest.param(answer(kind="matrix"), "gives a matrix, not a vector", id="a matrix"),
        pytest.param(
            answer(sample("1", node="n1"), warnings=["store s1 is down"]),
            "is answered with a warning: .*store s1 is down",
            id="a part of the data",
        ),
    ],
)
def test_an_answer_of_another_form_is_unreadable(body, message):
    with pytest.raises(UnreadableError, match=message):
        parse_vector(body)


def test_an_info_is_no_warning():
    assert parse_vector(answer(sample("1", node="n1"), infos=["a counter?"])).count("n1") == 1


def test_an_answer_of_15_000_nodes_is_read_and_one_of_more_values_refused_before_it_is_parsed():
    samples = [sample("1", node=f"n{number}") for number in range(14_900)]
    assert vector(*samples).count("n7") == 1
    with pytest.raises(UnreadableError, match="has more than 90000 values"):
        parse_vector(answer(*samples, *samples))
