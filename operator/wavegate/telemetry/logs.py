"""The process's log on stderr, plain or JSON, one line a fact; never a body or a token.

In the plain one a traceback follows its line, indented, so that no line of it can be taken for
another fact.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from typing import Any, Final

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_CHATTY: Final = ("kopf", "aiohttp", "asyncio")
"""Libraries whose lines are for who debugs them."""

_SAID_BY_US: Final = "kopf._core.reactor.observation"
"""It warns of kinds that are not served each time that it looks."""


class PlainFormatter(logging.Formatter):
    """``2025-01-31T12:00:00.123Z INFO wavegate.app: message job=web/edge version=2``."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """The line, with the record's fields at its end.

        What is told may be a user's words, which must not make lines of their own.
        """
        facts = "".join(f" {key}={value}" for key, value in _fields(record).items())
        line = super().formatMessage(record) + facts
        return _escaped(line)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """The traceback; an error's message may be a user's words as well."""
        lines = super().formatException(ei).split("\n")
        return "\n".join(f"    {_escaped(line)}" for line in lines)


class JsonFormatter(PlainFormatter):
    """One object a line: time, level, logger, message, the record's fields and, if any, error."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["error"] = logging.Formatter.formatException(self, record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def _escaped(text: str) -> str:
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """Facts for programs, given as ``extra={"fields": …}``."""
    return getattr(record, "fields", {})


def set_up_logs(log_format: str, *, verbose: bool) -> None:
    """Send all logs to stderr as ``text`` or ``json``; ``verbose`` shows every step."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else PlainFormatter())
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    logging.getLogger("wavegate").setLevel(logging.DEBUG if verbose else logging.INFO)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger(_SAID_BY_US).setLevel(logging.ERROR)
