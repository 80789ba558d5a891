"""The gate's windows over time: each one's error rate against the limit, or its verdict alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from wavegate.cli.report.look import VERDICTS
from wavegate.cli.report.model import Report
from wavegate.cli.report.scale import Scale, cut, fitting, room
from wavegate.cli.report.segments import Window
from wavegate.cli.report.svg import Markup, element

HEIGHT: Final = 132
_TOP: Final = 26
_PLOT: Final = 74
_STRIP: Final = 14
MOST_WINDOWS: Final = 200
"""Of more, stretches of time are drawn from their lowest to their highest rate."""
_BUCKETS: Final = 90

_Place = Callable[[float], float]
"""From a rate to its height in the picture."""


def drawn(report: Report, scale: Scale, y: float, width: float) -> Markup:
    """The panel; ``y`` is its upper edge."""
    gate = report.gate
    assert gate is not None
    windows = [window for row in report.rows for window in row.windows]
    counted = [window for window in windows if window.rate is not None]
    highest = max([window.rate or 0.0 for window in counted], default=0.0)
    most = max(gate.max_error_rate * 1.6, highest * 1.45, 0.01)
    top, bottom = y + _TOP, y + _TOP + _PLOT
    parts = [_heading(report, windows, y, width)]
    parts.append(
        element("rect", x=scale.left, y=top, width=scale.right - scale.left, height=_PLOT,
                class_="panel")
    )  # fmt: skip

    def place(rate: float) -> float:
        return bottom - rate / most * _PLOT

    if counted:
        limit = place(gate.max_error_rate)
        parts += [
            element("line", x1=scale.left, x2=scale.right, y1=limit, y2=limit, class_="limit"),
            element("text", f"limit {_share(gate.max_error_rate)}", x=scale.left - 6, y=limit + 4,
                    text_anchor="end", class_="bad"),
        ]  # fmt: skip
        if bottom - limit > 16:
            parts.append(
                element("text", "0%", x=scale.left - 6, y=bottom, text_anchor="end", class_="soft")
            )
        if len(counted) > MOST_WINDOWS:
            parts += _bucketed(counted, scale, place)
        else:
            parts += [_bar(each, scale, place) for each in counted]
        parts += _highest(counted, scale, place, top)
    else:
        words = [_without(windows), "no error rates"]
        named = fitting(words, scale.right - scale.left - 8)
        middle = (scale.left + scale.right) / 2
        parts.append(
            element("text", named, x=middle, y=top + _PLOT / 2, text_anchor="middle", class_="soft")
        )
    uncounted = [window for window in windows if window.rate is None]
    if uncounted:
        name = cut("readiness", scale.left - 12)
        parts.append(element("text", name, x=scale.left - 6, y=bottom + 12, text_anchor="end",
                             class_="soft"))  # fmt: skip
        parts += _strip(uncounted, scale, bottom + 3)
    return element("g", *parts, class_="gate")


def told(window: Window) -> str:
    """A window in words."""
    if window.rate is None:
        return f"{window.verdict} window"
    numbers = f"{_share(window.rate)} errors ({window.errors:g} of {window.total:g})"
    return f"{window.verdict} window: {numbers}, limit {_share(window.limit)}"


def _heading(report: Report, windows: Sequence[Window], y: float, width: float) -> Markup:
    gate = report.gate
    assert gate is not None
    healthy = f"{gate.success_threshold} good in a row pass"
    if gate.min_healthy_time:
        healthy = f"{gate.min_healthy_time:g}s good in a row pass"
    rules = f"of {gate.interval:g}s; {healthy}, {gate.failure_threshold} bad fail"
    number = sum(window.verdict == "bad" for window in windows)
    count = f"{len(windows):,} windows on record, {number:,} bad" if windows else "none on record"
    text = fitting(
        [
            f"Windows {rules} · {count}",
            f"Windows of {gate.interval:g}s · {count}",
            f"Windows · {count}",
            "Windows",
        ],
        (width - 16) / 1.06,
    )
    return element("text", text, x=8, y=y + 17, class_="strong")


def _without(windows: Sequence[Window]) -> str:
    if windows:
        return "no error rates: windows are judged by readiness and restarts"
    return "the windows are not kept, or none was closed yet"


def _bar(window: Window, scale: Scale, place: _Place) -> Markup:
    x, end = scale.x(window.since), scale.x(window.until)
    y = place(window.rate or 0.0)
    title = element("title", told(window))
    return element("rect", title, x=x, y=y - 2.5, width=max(2.0, end - x - 1), height=5, rx=2,
                  class_=window.verdict, data_rate=f"{window.rate:.4f}")  # fmt: skip


def _bucketed(windows: Sequence[Window], scale: Scale, place: _Place) -> list[Markup]:
    wide = (scale.right - scale.left) / _BUCKETS
    found: dict[tuple[int, str], list[float]] = {}
    for window in windows:
        bucket = int((scale.x((window.since + window.until) / 2) - scale.left) / wide)
        found.setdefault((bucket, window.verdict), []).append(window.rate or 0.0)
    parts = []
    for (bucket, verdict), rates in sorted(found.items()):
        high, low = place(max(rates)), place(min(rates))
        words = f"{len(rates)} {verdict} windows: {_share(min(rates))} to {_share(max(rates))}"
        parts.append(
            element("rect", element("title", words), x=scale.left + bucket * wide, y=high - 2.5,
                    width=max(1.0, wide - 1), height=low - high + 5, rx=2, class_=verdict)
        )  # fmt: skip
    return parts


def _highest(windows: Sequence[Window], scale: Scale, place: _Place, top: float) -> list[Markup]:
    worst = max(windows, key=lambda each: each.rate or 0.0)
    text = f"{_share(worst.rate or 0.0)} ({worst.errors:g} of {worst.total:g})"
    x = (scale.x(worst.since) + scale.x(worst.until)) / 2
    half = room(text) / 2
    x = min(max(x, scale.left + half), scale.right - half)
    y = max(top + 11, place(worst.rate or 0.0) - 7)
    return [element("text", text, x=x, y=y, text_anchor="middle", class_="halo strong")]


def _strip(windows: Sequence[Window], scale: Scale, y: float) -> list[Markup]:
    """Verdicts that rest on no numbers; where several are at a time, the worst is seen."""
    found: dict[int, Window] = {}
    for window in windows:
        slot = int(scale.x(window.since) // 6)
        before = found.get(slot)
        if before is None or window.verdict == "bad":
            found[slot] = window
    parts = []
    for window in sorted(found.values(), key=lambda each: each.since):
        x, end = scale.x(window.since), scale.x(window.until)
        wide = max(2.0, end - x - 1)
        parts.append(element("rect", element("title", told(window)), x=x, y=y, width=wide,
                             height=_STRIP - 3, rx=2, class_=window.verdict))  # fmt: skip
        if wide >= 14:
            parts.append(element("text", VERDICTS[window.verdict], x=x + wide / 2, y=y + 9.5,
                                 text_anchor="middle", class_="on"))  # fmt: skip
    return parts


def _share(rate: float) -> str:
    return f"{rate:.1%}"
