"""Circles of dependencies, found from each of their jobs, and from no other."""

from __future__ import annotations

import pytest

from wavegate.runs.cycles import cycle

GRAPH = {
    "a": ["b"],
    "b": ["c"],
    "c": ["a", "d"],
    "d": ["e"],
    "e": ["d"],
    "before": ["a"],
    "alone": ["nowhere"],
    "itself": ["itself"],
    "diamond": ["left", "right"],
    "left": ["alone"],
    "right": ["alone"],
}


@pytest.mark.parametrize(
    ("job", "through", "way"),
    [
        ("a", "b", "a b c a"),
        ("c", "a", "c a b c"),
        ("c", "d", ""),
        ("d", "e", "d e d"),
        ("before", "a", ""),
        ("alone", "nowhere", ""),
        ("itself", "itself", "itself itself"),
        ("diamond", "left", ""),
        ("diamond", "right", ""),
    ],
)
def test_the_way_from_a_job_back_to_itself(job: str, through: str, way: str) -> None:
    assert cycle(job, lambda name: GRAPH.get(name, []), through=through) == tuple(way.split())


def test_the_shortest_way_is_told() -> None:
    graph = {"a": ["b"], "b": ["c", "a"], "c": ["a"]}
    assert cycle("a", graph.__getitem__, through="b") == ("a", "b", "a")
