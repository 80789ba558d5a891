"""Metrics pages to readings. The JSON page is one that a pipeline engine (4.50.0) has served."""

from __future__ import annotations

import json

import pytest

from wavegate.domain.actions import CounterSource
from wavegate.domain.health import Reading
from wavegate.health.parse import (
    MAX_JSON,
    MAX_LABELS,
    MAX_LINE,
    MAX_OTHERS,
    MAX_SERIES,
    MAX_SERIES_BYTES,
    MAX_VALUES,
    UnreadableError,
    parse_counters,
)

ENGINE = CounterSource(
    4195, "/metrics", "JSON", ("processor_error", "output_error"), ("input_received",)
)
TEXT = CounterSource(80, "/metrics", "Prometheus", ("errs",), ("reqs_total",))

ENGINE_PAGE = rb"""
{"input_connection_failed{label=\"\",path=\"root.input\"}":0,
"input_latency_ns{label=\"\",path=\"root.input\"}":{"p50":91120,"p90":126371,"p99":515579.6},
"input_received{label=\"\",path=\"root.input\"}":144,
"output_error{label=\"\",path=\"root.output\"}":2,
"output_latency_ns{label=\"\",path=\"root.output\"}":{"p50":561,"p90":717,"p99":1051.55},
"processor_batch_received{label=\"\",path=\"root.pipeline.processors.0\"}":144,
"processor_error{label=\"\",path=\"root.pipeline.processors.0\"}":78,
"processor_error{label=\"x{y}\",path=\"root.pipeline.processors.1\"}":1,
"processor_received{label=\"\",path=\"root.pipeline.processors.0\"}":144}
"""


def read(page, source=TEXT, content_type="text/plain", whole=False):
    body = page if isinstance(page, bytes) else page.encode()
    return parse_counters(body, content_type, source, whole=whole)


def read_json(page, source=ENGINE):
    return read(json.dumps(page), source, "application/json")


def test_the_engines_counters_are_summed_over_their_labels():
    assert read(ENGINE_PAGE, ENGINE) == Reading(errors=81, total=144)


def test_an_engine_without_processors_and_errors_has_had_none():
    assert read_json({'input_received{path="root.input"}': 7}) == Reading(errors=0, total=7)


def test_a_json_counter_may_have_no_labels():
    page = {"input_received": 10, "output_error": 1.5}
    assert read_json(page) == Reading(errors=1.5, total=10)


def test_of_json_counters_a_longer_name_is_another_counter():
    page = {"input_received": 1, "input_received_batch": 100, "my_input_received": 100}
    assert read_json(page) == Reading(errors=0, total=1)


@pytest.mark.parametrize(
    ("page", "message"),
    [
        pytest.param("[]", "is not one JSON object", id="a list"),
        pytest.param("{", "is not JSON but text/plain", id="cut off"),
        pytest.param("[" * 20_000, "is not JSON", id="too deep"),
        pytest.param(b"\xff\xfe{}", "is not JSON", id="not UTF-8"),
        pytest.param("{}", "has no counter input_received", id="no total"),
        pytest.param(
            '{"input_received": {"p50": 1}}', "has no counter input_received", id="a distribution"
        ),
        pytest.param('{"input_received": "7"}', "input_received is no number", id="a string"),
        pytest.param('{"input_received": true}', "input_received is no number", id="a truth value"),
        pytest.param('{"input_received": null}', "input_received is no number", id="null"),
        pytest.param('{"input_received": NaN}', "input_received is nan", id="not a number"),
        pytest.param('{"input_received": Infinity}', "is inf", id="infinite"),
        pytest.param('{"input_received": 1' + "0" * 400 + "}", "is inf", id="beyond a float"),
        pytest.param('{"input_received": -1}', "is -1", id="negative"),
        pytest.param(
            '{"input_received": 1, "output_error": -1}', "output_error.* is -1", id="errors too"
        ),
        pytest.param(
            '{"input_received{a=\\"1\\"}": 1e308, "input_received{a=\\"2\\"}": 1e308}',
            "input_received is inf",
            id="a sum beyond a float",
        ),
    ],
)
def test_a_json_page_that_says_nothing_is_unreadable(page, message):
    with pytest.raises(UnreadableError, match=message):
        read(page, ENGINE)


@pytest.mark.parametrize(
    ("page", "errors", "total"),
    [
        pytest.param(
            "# HELP reqs_total Requests.\n# TYPE reqs_total counter\n"
            'reqs_total{code="200"} 90\nreqs_total{code="500"} 10\n'
            '# TYPE errs_total counter\nerrs_total{why="a,b"} 3\n',
            3,
            100,
            id="counters with the suffix",
        ),
        pytest.param(
            "# TYPE reqs counter\nreqs 100\n# TYPE errs counter\nerrs 3\n",
            3,
            100,
            id="counters without the suffix",
        ),
        pytest.param("reqs 100\nerrs 3\n", 3, 100, id="without types"),
        pytest.param("reqs_total 100 1700000000000\n", 0, 100, id="a time stamp"),
        pytest.param("reqs_total 1e2\r\nerrs 0.5\r\n", 0.5, 100, id="other line ends and spelling"),
        pytest.param("reqs_total 100\nerrs_created 1.7e9\nmy_errs 5\n", 0, 100, id="other names"),
        pytest.param("# TYPE reqs_total counter\n", 0, 0, id="a labelled counter without a child"),
        pytest.param('reqs_total{path="errs 5"} 100\n', 0, 100, id="a name in a label"),
        pytest.param("%% what\nreqs_total 100\n", 0, 100, id="other lines may be malformed"),
        pytest.param("# TYPE reqs gauge\nreqs 7\nreqs_total 100\n", 0, 100, id="spelled exactly"),
    ],
)
def test_prometheus_text_is_read_by_name(page, errors, total):
    assert read(page) == Reading(errors=errors, total=total)


def test_a_counter_that_two_names_mean_is_counted_once():
    source = CounterSource(80, "/", "Prometheus", ("errs", "errs_total"), ("a", "b"))
    page = "# TYPE errs counter\nerrs 3\na 50\nb 50\n"
    assert read(page, source) == Reading(errors=3, total=100)


def test_of_several_totals_those_that_are_there_count():
    source = CounterSource(80, "/", "Prometheus", ("errs",), ("good", "errs"))
    assert read("good 100\n", source) == Reading(errors=0, total=100)


@pytest.mark.parametrize(
    ("page", "message"),
    [
        pytest.param("", r"has no counter reqs_total \(text/plain\)", id="empty"),
        pytest.param("<html>not found</html>", "has no counter reqs_total", id="a web page"),
        pytest.param(
            "<b>reqs_total</b>\n", "is not Prometheus text", id="a web page with the name"
        ),
        pytest.param("errs 3\n", "has no counter reqs_total", id="no total"),
        pytest.param("reqs_total NaN\n", "reqs_total is nan", id="not a number"),
        pytest.param("errs 3\nreqs_total 10", "breaks off: the last line", id="cut off"),
        pytest.param("reqs_total 10\nerrs_to", "breaks off", id="cut off in a name"),
        pytest.param("reqs_total +Inf\n", "reqs_total is inf", id="infinite"),
        pytest.param("reqs_total -5\n", "reqs_total is -5", id="negative"),
        pytest.param("reqs_total 5\nerrs NaN\n", "errs is nan", id="errors not a number"),
        pytest.param("reqs_total many\n", "is not Prometheus text", id="not numeric"),
        pytest.param(b"reqs_total 5\n\xff", "is not Prometheus text", id="not UTF-8"),
    ],
)
def test_a_text_page_that_says_nothing_is_unreadable(page, message):
    with pytest.raises(UnreadableError, match=message):
        read(page)


@pytest.mark.parametrize("page", ["errs 3\nreqs_total 10", "# END\nerrs 3\nreqs_total 10"])
def test_of_a_page_that_is_certainly_whole_the_last_line_counts_without_a_newline(page):
    assert read(page, whole=True) == Reading(errors=3, total=10)
    with pytest.raises(UnreadableError, match="breaks off"):
        read(page)


@pytest.mark.parametrize(
    "line", ['reqs_total{id="1234567890"} 1\n', "reqs_total 1\n", "# TYPE reqs_total counter\n"]
)
def test_a_page_with_too_many_lines_about_a_counter_is_refused_before_it_is_parsed(line):
    for number in (MAX_SERIES + 1, MAX_SERIES_BYTES // len(line) + 2):
        with pytest.raises(UnreadableError, match="too many series"):
            read(line * number)


def test_as_many_series_as_there_may_be_are_read():
    assert read("reqs_total 1\n" * MAX_SERIES) == Reading(errors=0, total=MAX_SERIES)


def test_a_line_about_a_counter_that_is_too_long_is_refused_before_it_is_parsed():
    label = "x" * (MAX_LINE - len('reqs_total{a=""} 1\n'))
    assert read(f'reqs_total{{a="{label}"}} 1\n') == Reading(errors=0, total=1)
    with pytest.raises(UnreadableError, match="a line about its counters of more than 4096 bytes"):
        read(f'reqs_total{{a="{label}x"}} 1\n')


def test_more_escapes_than_anybody_writes_are_refused_before_they_are_parsed():
    line = 'reqs_total{a="\\\\"} 1\n'
    assert read(line * 1000) == Reading(errors=0, total=1000)
    with pytest.raises(UnreadableError, match="more than 2000 backslashes"):
        read(line * 1001)


def test_series_of_other_counters_do_not_count_towards_that():
    other = 'http_things{id="1234567890"} 1\n' * 20_000 + "x" * 100_000 + "\n"
    assert read(other + "reqs_total 5\n") == Reading(errors=0, total=5)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param("http_reqs_total 7\n", id="a name that ends so"),
        pytest.param("reqs_by_path_total 7\n", id="a name that begins so"),
        pytest.param("reqs_total_bytes 7\n", id="a name that begins so with its suffix"),
        pytest.param('other{of="reqs_total"} 7\n', id="a label"),
        pytest.param("# TYPE http_reqs_total counter\n", id="the type of another"),
        pytest.param("# HELP other as reqs_total\n", id="what another is"),
        pytest.param("# reqs_total\n", id="a comment"),
        pytest.param(f"{' ' * 120}http_reqs_total 7\n", id="a margin"),
    ],
)
def test_lines_of_others_that_name_a_counter_do_not_count_towards_that(other):
    page = other * MAX_OTHERS + "reqs_total 5\n"
    assert read(page) == Reading(errors=0, total=5)
    with pytest.raises(UnreadableError, match="more than 10000 lines about other things"):
        read(other * (MAX_OTHERS + 1) + "reqs_total 5\n")


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(" \treqs_total 5\n", id="a margin"),
        pytest.param("reqs_total\t5\r\n", id="a tab"),
        pytest.param('reqs{a="b"}5\n', id="no space"),
        pytest.param('{"reqs_total"} 5\n', id="in quotes"),
        pytest.param('{"reqs",a="b"} 5\n', id="in quotes, with a label"),
        pytest.param("#TYPE reqs counter\nreqs 5\n", id="a type"),
    ],
)
def test_a_line_of_a_counter_is_known_however_it_is_written(line):
    assert read(line) == Reading(errors=0, total=5)


@pytest.mark.parametrize("line", ["reqs_total\u00a05\n", "reqs_total-x 5\n", "reqs_total\n"])
def test_a_line_of_a_counter_that_is_none_is_no_line_of_another(line):
    with pytest.raises(UnreadableError, match="is not Prometheus text"):
        read(line + "reqs_total 5\n")


def test_what_is_no_text_is_found_wherever_it_stands():
    half = "ä" * 40_000
    assert read(f"reqs_total 5\n{half}") == Reading(errors=0, total=5)
    for odd in (half.encode() + b"\xff", half.encode()[:-1]):
        with pytest.raises(UnreadableError, match="is not Prometheus text"):
            read(b"reqs_total 5\n" + odd)


def test_a_json_page_of_more_values_than_anybody_needs_is_refused_before_it_is_parsed():
    page = {f"counter_{number}": number for number in range(MAX_VALUES - 2)}
    assert read_json({**page, "input_received": 7}) == Reading(errors=0, total=7)
    with pytest.raises(UnreadableError, match="has more than 30000 values"):
        read_json({**page, "input_received": 7, "and": 1, "more": 2})
    with pytest.raises(UnreadableError, match="is longer than 1048576 bytes"):
        read_json({"input_received": 7, "text": "x" * MAX_JSON})


def test_labels_of_the_counters_are_bounded():
    line = (
        "reqs_total{" + ",".join(f'a{number}="b"' for number in range(MAX_LABELS // 20)) + "} 1\n"
    )
    others = 'others{a="b"} 1\n' * MAX_LABELS
    assert read(line * 20 + others) == Reading(errors=0, total=20)
    with pytest.raises(UnreadableError, match="more than 6000 labels in lines of its counters"):
        read(line * 20 + others + 'reqs_total{a="b"} 1\n')
