"""A report for programs: what ``report -o json`` prints."""

from __future__ import annotations

from typing import Any

from wavegate.cli.report.model import Gate, Mark, Report, Row, Wave
from wavegate.cli.report.segments import Segment, Window
from wavegate.cli.sight import Document
from wavegate.domain.times import format_time


def document(report: Report) -> Document:
    """All of the report, with times in whole seconds as everywhere in the API."""
    return {
        "namespace": report.namespace,
        "job": report.job,
        "version": report.version,
        "fromVersion": report.from_version,
        "state": report.state,
        "reason": report.reason,
        "message": report.message,
        "isOpen": report.is_open,
        "from": format_time(report.begin),
        "until": format_time(report.end),
        "rollouts": list(report.rollouts),
        "gate": _gate(report.gate) if report.gate is not None else None,
        "waves": [_wave(each) for each in report.waves],
        "untouched": [
            {"version": version, "nodes": nodes} for version, nodes in report.untouched.items()
        ],
        "marks": [_mark(each) for each in report.marks],
        "notKept": list(report.not_kept),
    }


def _gate(gate: Gate) -> dict[str, Any]:
    return {
        "interval": gate.interval,
        "maxErrorRate": gate.max_error_rate,
        "successThreshold": gate.success_threshold,
        "failureThreshold": gate.failure_threshold,
        "minHealthyTime": gate.min_healthy_time,
        "deadline": gate.deadline,
    }


def _wave(wave: Wave) -> dict[str, Any]:
    return {
        "wave": wave.number,
        "isCanary": wave.is_canary,
        "notKept": wave.not_kept,
        "nodes": [_row(each) for each in wave.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "node": row.node,
        "outcome": row.outcome,
        "segments": [_segment(each) for each in row.segments],
        "windows": [_window(each) for each in row.windows],
    }


def _segment(segment: Segment) -> dict[str, Any]:
    return {
        "execution": segment.execution,
        "version": segment.version,
        "state": segment.state,
        "from": format_time(segment.since),
        "until": format_time(segment.until),
        "exact": segment.exact,
        "message": segment.message,
    }


def _window(window: Window) -> dict[str, Any]:
    return {
        "execution": window.execution,
        "verdict": window.verdict,
        "from": format_time(window.since),
        "until": format_time(window.until),
        "errors": window.errors,
        "total": window.total,
        "rate": window.rate,
        "limit": window.limit,
    }


def _mark(mark: Mark) -> dict[str, Any]:
    return {
        "at": format_time(mark.at),
        "kind": mark.kind,
        "text": mark.text,
        "message": mark.message,
        "node": mark.node,
    }
