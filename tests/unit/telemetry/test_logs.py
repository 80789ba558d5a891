"""The form of the log's lines."""

from __future__ import annotations

import json
import logging
import re

import pytest
from kopf._core.reactor import observation

from wavegate.telemetry.logs import JsonFormatter, PlainFormatter, set_up_logs


def record(message: str, *arguments: object, error: Exception | None = None) -> logging.LogRecord:
    info = (type(error), error, None) if error else None
    return logging.LogRecord("wavegate.app", logging.INFO, "f", 1, message, arguments, info)


@pytest.fixture
def loggers():
    """Whatever is set up is undone."""
    names = (None, "wavegate", "kopf", "aiohttp", "asyncio", observation.logger.name)
    before = {name: logging.getLogger(name).level for name in names}
    handlers = list(logging.getLogger().handlers)
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)
    logging.getLogger().handlers[:] = handlers


def test_a_plain_line_has_time_level_logger_and_message():
    line = PlainFormatter().format(record("ready after %.1f s", 1.5))
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO wavegate\.app: ready after 1\.5 s", line
    )


def test_a_json_line_is_one_object_on_one_line():
    line = JsonFormatter().format(record('two\nlines and "quotes"'))
    assert "\n" not in line
    fields = json.loads(line)
    assert fields["message"] == 'two\nlines and "quotes"'
    assert (fields["level"], fields["logger"]) == ("INFO", "wavegate.app")
    assert fields["time"].endswith("Z")


def test_facts_for_programs_are_fields_of_a_json_line_and_at_the_end_of_a_plain_one():
    said = record("v2 on n1 failed")
    said.fields = {"job": "web/edge", "version": 2, "rate": 0.5}
    line = json.loads(JsonFormatter().format(said))
    assert (line["job"], line["version"], line["rate"]) == ("web/edge", 2, 0.5)
    assert line["message"] == "v2 on n1 failed"
    plain = PlainFormatter().format(said)
    assert plain.endswith("wavegate.app: v2 on n1 failed job=web/edge version=2 rate=0.5")


def test_what_is_told_makes_no_lines_of_its_own_in_a_plain_log():
    said = record("spec.config.%s: is not known", "x\n2026-01-01T00:00:00.000Z INFO a: leading")
    said.fields = {"node": "n\r\n\x1b[31m\u2028", "job": "web/ä"}
    line = PlainFormatter().format(said)
    assert line.isprintable()
    assert "spec.config.x\\n2026-01-01T00:00:00.000Z INFO a: leading: is not known" in line
    assert line.endswith("node=n\\r\\n\\x1b[31m\\u2028 job=web/ä")


def test_no_line_of_a_traceback_can_be_taken_for_a_fact():
    forged = "2026-01-01T00:00:00.000Z INFO wavegate.app: leading"
    error = ValueError(f"bad\r{forged}\n{forged}\u2028{forged}")
    first, *lines = PlainFormatter().format(record("it broke", error=error)).splitlines()
    assert first.endswith("it broke")
    told = [f"    ValueError: bad\\r{forged}", f"    {forged}\\u2028{forged}"]
    assert lines == told


def test_a_json_line_has_the_error():
    assert (
        "ValueError: bad"
        in json.loads(JsonFormatter().format(record("x", error=ValueError("bad"))))["error"]
    )
    said = record("x", error=ValueError("two\nlines"))
    assert json.loads(JsonFormatter().format(said))["error"] == "ValueError: two\nlines"


@pytest.mark.usefixtures("loggers")
def test_decisions_are_logged_and_steps_only_on_demand():
    set_up_logs("text", verbose=False)
    assert logging.getLogger("wavegate.engine.decisions").isEnabledFor(logging.INFO)
    assert not logging.getLogger("wavegate.engine").isEnabledFor(logging.DEBUG)
    set_up_logs("json", verbose=True)
    assert logging.getLogger("wavegate.engine").isEnabledFor(logging.DEBUG)
    assert not logging.getLogger("kopf.objects").isEnabledFor(logging.INFO)


@pytest.mark.usefixtures("loggers")
def test_kinds_that_are_not_served_are_told_by_us_and_not_by_kopf_at_each_look():
    set_up_logs("text", verbose=True)
    assert not observation.logger.isEnabledFor(logging.WARNING)
    assert observation.logger.isEnabledFor(logging.ERROR)
