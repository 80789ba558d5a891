"""``runs get``: all that is known of a run."""

from __future__ import annotations

from typing import Final

import click

from wavegate.cli.cluster import connect
from wavegate.cli.completing import complete_runs
from wavegate.cli.options import Target, connection_options, output_option
from wavegate.cli.output import print_document, width, wrapped
from wavegate.cli.reading import bare
from wavegate.cli.run_sight import moment, run_details, standing
from wavegate.cli.run_webhooks import delivery
from wavegate.cli.sight import Document
from wavegate.cli.why import failure_words
from wavegate.kube.resources import JOB_RUNS

_LABEL: Final = 16
_MOST_LINES: Final = 10
"""Of a result, and of nodes that failed."""
_TIMES: Final = {
    "asked for": "creationTime",
    "tick": "scheduledTime",
    "not before": "notBefore",
    "began": "startTime",
    "tried again": "nextRetryTime",
    "expires": "expirationTime",
    "ended": "completionTime",
}
_CALLBACK: Final = {
    "answered 202": "acceptedTime",
    "heartbeat": "heartbeatTime",
    "deadline": "deadline",
}
_WORDS: Final = {
    "version": "version",
    "priority": "priority",
    "key": "idempotencyKey",
    "concurrency key": "concurrencyKey",
    "replay of": "replayOf",
    "parent run": "parentRun",
    "continuation of": "continuationOf",
    "lineage depth": "lineageDepth",
    "instead of it": "duplicateOf",
    "called by": "holder",
}
_TRACE: Final = {
    "queueWaitMs": "waited",
    "dispatchMs": "until the call",
    "connectMs": "connected",
    "ttfbMs": "first byte",
    "transferMs": "transfer",
    "totalMs": "in all",
}


@click.command()
@click.argument("run", shell_complete=complete_runs)
@output_option("json", "yaml", "name")
@connection_options
def get(run: str, output: str, target: Target) -> None:
    """All that is known of a run: phase, attempts, times, result.

    Times are in UTC and as a clock here shows them. Times of the trace are those of the last
    attempt. why says what it waits for and who can help.

    Example: wavegate runs get bill-k3jx5q2m7a
    """
    with connect(target) as cluster:
        found = cluster.get(JOB_RUNS, cluster.namespace, bare(run, JOB_RUNS))
        now = cluster.now()
    if output == "name":
        click.echo(f"jobrun.wavegate.dev/{found['metadata']['name']}")
        return
    if output:
        print_document(run_details(found), output)
        return
    for label, text in lines(found, now):
        click.echo(wrapped(f"{label:<{_LABEL}}{text}", width(), _LABEL))


def lines(run: Document, now: float) -> list[tuple[str, str]]:
    """What is known, for people: what each line is about, and its words."""
    told = run_details(run)
    found = [
        ("run", f"{told['namespace']}/{told['name']} of {told['jobKind']} {told['job']}"),
        ("phase", standing(run)),
        ("attempt", str(told["attempt"] or "none yet")),
    ]
    if told["triggeredBy"]:
        found.append(("asked for by", told["triggeredBy"]))
    found += [(label, moment(told[key], now)) for label, key in _TIMES.items() if told[key]]
    found += [(label, str(told[key])) for label, key in _WORDS.items() if told[key]]
    found += _call_back(told["callback"], now)
    if told["metadata"]:
        found.append(("metadata", _pairs(told["metadata"])))
    if told["trace"]:
        spans = [
            f"{word} {told['trace'][key]} ms"
            for key, word in _TRACE.items()
            if key in told["trace"]
        ]
        found.append(("trace", ", ".join(spans)))
    found += _of_nodes(told)
    error = told["lastError"]
    if error["class"]:
        status = f" {error['httpStatus']}" if error["httpStatus"] else ""
        found.append(("last error", f"{error['class']}{status}: {error['message']}"))
    if words := delivery(run):
        found.append(("webhook", words))
    if told["payload"]:
        found.append(("payload", told["payload"]))
    if told["result"]:
        found += _first("result", told["result"].splitlines())
    elif told["resultHash"]:
        found.append(("result", f"{told['resultSize']} bytes, {told['resultHash']}; not kept"))
    return found + _debug(told["debug"])


def _call_back(told: Document, now: float) -> list[tuple[str, str]]:
    found = [(label, moment(told[key], now)) for label, key in _CALLBACK.items() if told[key]]
    return [*found, ("called back", told["outcome"])] if told["outcome"] else found


def _of_nodes(told: Document) -> list[tuple[str, str]]:
    """What became of the nodes of a FleetJob's run; nothing of a call."""
    nodes = told["nodes"]
    if not nodes:
        return []
    words = (
        f"{nodes['succeeded']} of {nodes['total']} ended well, {nodes['failed']} failed,"
        f" {nodes['asked']} were asked"
    )
    failures = [failure_words(each) for each in told["failures"]]
    return [("nodes", words), *_first("failures", failures)]


def _first(label: str, texts: list[str]) -> list[tuple[str, str]]:
    """One a line, the first with the label."""
    shown = texts[:_MOST_LINES]
    if more := len(texts) - len(shown):
        shown.append(f"and {more} more; -o json has all")
    return [("" if at else label, text) for at, text in enumerate(shown)]


def _debug(debug: Document) -> list[tuple[str, str]]:
    found = []
    for label, side in (("request", "request"), ("answer", "response")):
        if headers := debug.get(f"{side}Headers"):
            found.append((f"{label} headers", _pairs(headers)))
        if body := debug.get(f"{side}Body"):
            found.append((f"{label} body", str(body)))
    return found


def _pairs(pairs: dict[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(pairs.items()))
