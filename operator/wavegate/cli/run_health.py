"""The health of HTTPJobs: what ``health`` prints, reckoned from their statuses as of now."""

from __future__ import annotations

from typing import Final

from wavegate.cli.rows import age
from wavegate.cli.sight import Document, at
from wavegate.domain.times import format_time, parse_time
from wavegate.runs.job_health import COUNTED
from wavegate.runs.tallies import HealthWindow, begins, read, summary

HEALTH_HEAD: Final = ("NAME", "SCORE", "SUCCESS", "AVERAGE", "P95", "RUNS", "SINCE", "COUNTED")
HEALTH_HEAD_WIDE: Final = (
    *HEALTH_HEAD,
    *("COMPLETED", "FAILED", "TIMED OUT", "CRASHED", "CANCELED", "EXPIRED"),
)


def health_document(job: Document, window: HealthWindow, now: float) -> Document:
    """A job's window that ends now: ``health -o json`` has a list of these.

    ``since``: from when on runs are in it, which is later than ``from`` where nobody counted
    before; ``asOf``: when one counted last; None: there is no such number.
    """
    metadata, record = job["metadata"], at(job, "status", "health") or {}
    counted = parse_time(record.get("since"))
    since = max(begins(window, now), counted) if counted is not None else None
    absent = dict.fromkeys(("successRate", "averageMs", "p95Ms", "p95Error", "score"))
    return {
        "namespace": metadata.get("namespace", ""),
        "name": metadata["name"],
        "window": window,
        "since": format_time(since) if since is not None else "",
        "asOf": record.get("asOf", ""),
        **absent,
        **summary(read(record), window, now),
    }


def health_row(told: Document, now: float, *, everywhere: bool, wide: bool) -> list[str]:
    """Cells for HEALTH_HEAD, with the namespace before them and the counts behind."""
    rate, score = told["successRate"], told["score"]
    row = [
        told["name"],
        f"{score:.1f}" if score is not None else "-",
        f"{100 * rate:.1f}%" if rate is not None else "-",
        _seconds(told["averageMs"]),
        _seconds(told["p95Ms"]),
        str(told["total"]),
        told["since"] or "-",
        f"{age(told['asOf'], now)} ago" if told["asOf"] else "never",
    ]
    before = [told["namespace"]] if everywhere else []
    return [*before, *row, *([str(told[name]) for name in COUNTED] if wide else [])]


def _seconds(millis: int | None) -> str:
    if millis is None:
        return "-"
    return f"{millis}ms" if millis < 1000 else f"{millis / 1000:.1f}s"
