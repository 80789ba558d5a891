"""The picture of a rollout: its nodes by wave over time, the gate's windows, the decisions.

A pure function from a report to SVG. Up to MOST_ROWS nodes have a row each; of more, waves are
bands in which the height of a colour is the share of the wave's nodes, and only nodes that are not
well keep rows of their own, so that a picture of any fleet has a bounded size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from wavegate.cli.report import bands, labels, panel
from wavegate.cli.report.groups import Group, groups_of, is_aggregated
from wavegate.cli.report.look import (
    OTHER,
    STATES,
    VERDICTS,
    WORDS,
    look_of,
    patterns,
    sign,
    style,
    tone,
)
from wavegate.cli.report.model import Mark, Report, Row
from wavegate.cli.report.scale import Scale, cut, fitting, nodes, room, span
from wavegate.cli.report.segments import NOT_KEPT, Segment, Window
from wavegate.cli.report.svg import Markup, element, joined
from wavegate.domain.times import format_time

WIDE: Final = 1120
NARROW: Final = 368
"""Pixels. The narrow picture has no column for what became of a node; its title tells."""

_HEAD: Final = 27
_ROW: Final = 22
_BAR: Final = 16
_GAP: Final = 8
_AXIS: Final = 38


def picture(report: Report, width: int = WIDE, *, styled: bool = True) -> str:
    """An ``svg`` element, complete in itself; ``styled``: with its style sheet."""
    return _Picture(report, width).drawn(styled)


class _Picture:
    def __init__(self, report: Report, width: int) -> None:
        self.report = report
        self.width = width
        self.is_wide = width > 600
        self.prefix = f"w{width}"
        self.groups = groups_of(report)
        told = any(row.outcome for group in self.groups for row in group.rows)
        gutter = (250 if told else 70) if self.is_wide else 6
        self.scale = Scale(
            report.since, report.until, 150 if self.is_wide else 92, float(width - gutter)
        )
        self.looks: set[str] = set()
        self.verdicts: set[str] = set()

    def drawn(self, styled: bool) -> str:
        placed = labels.place(_of_all(self.report), self.scale, self.width)
        top = labels.height(placed)
        parts: list[Markup] = []
        gate, y = Markup(""), float(top)
        if self.report.gate is not None:
            gate = panel.drawn(self.report, self.scale, y, self.width)
            y += panel.HEIGHT
        begin = y
        for group in self.groups:
            drawn, y = self._group(group, y)
            parts.append(drawn)
        drawn, y = self._untouched(y)
        parts.append(drawn)
        grid, axis = self._axis(top, begin, y)
        leaders = labels.leaders(placed, y)
        y += _AXIS
        legend, y = self._legend(y)
        named = f"{self.prefix}-title"
        return element(
            "svg",
            element("title", title(self.report), id=named),
            element("desc", described(self.report), id=f"{self.prefix}-desc"),
            style() if styled else Markup(""),
            patterns(self.prefix),
            element("rect", width=self.width, height=y, class_="ground"),
            grid,
            gate,
            leaders,
            joined(parts),
            labels.drawn(placed),
            axis,
            legend,
            xmlns="http://www.w3.org/2000/svg",
            class_="wg",
            role="img",
            aria_labelledby=f"{named} {self.prefix}-desc",
            viewBox=f"0 0 {self.width} {y:g}",
            width=self.width,
            height=f"{y:g}",
        )

    def _group(self, group: Group, y: float) -> tuple[Markup, float]:
        name = cut(group.name, self.width - 16)
        parts = [
            element("line", x1=8, x2=self.width - 8, y1=y + 4, y2=y + 4, class_="rule"),
            element("text", name, x=8, y=y + 19, class_="strong"),
        ]
        if (told := group.told) and room(name) + room(told) + 40 < self.width:
            parts.append(
                element("text", told, x=self.width - 8, y=y + 19, text_anchor="end", class_="soft")
            )
        y += _HEAD
        if group.band:
            drawn, looks = bands.drawn(
                group.band, self.report.version, self.scale, y, f"url(#{self.prefix}-Failed)"
            )
            parts += [drawn, element("text", "share of nodes", x=8, y=y + 28, class_="soft")]
            self.looks |= looks
            y += bands.HEIGHT + 4
        for row in group.rows:
            parts.append(self._row(row, y))
            y += _ROW
        if group.more_unwell:
            words = "more are not well; -o json names them"
            parts.append(self._counted(group.more_unwell, words, y))
            y += _ROW
        if group.not_kept:
            words = "their executions are not kept"
            parts.append(self._counted(group.not_kept, words, y, NOT_KEPT))
            y += _ROW
        return element("g", *parts, class_="wave", data_wave=group.name), y + _GAP

    def _row(self, row: Row, y: float) -> Markup:
        left = self.scale.left - 20
        parts = [
            element("title", f"{row.node}{f': {row.outcome}' if row.outcome else ''}"),
            element("text", cut(row.node, left - 6), x=16, y=y + 12),
        ]
        judged = {window.execution for window in row.windows}
        parts += [self._segment(each, y, each.execution in judged) for each in row.segments]
        parts += [self._window(window, y) for window in row.windows]
        parts += [self._failure(part, y) for part in row.segments if part.state == "Failed"]
        if row.outcome and self.is_wide:
            words = cut(row.outcome, self.width - self.scale.right - 20)
            parts.append(element("text", words, x=self.scale.right + 12, y=y + 12))
        return element("g", *parts, class_="row", data_node=row.node)

    def _segment(self, segment: Segment, y: float, has_windows: bool) -> Markup:
        look = look_of(segment, self.report.version)
        self.looks.add(look)
        x, end = self.scale.x(segment.since), self.scale.x(segment.until)
        wide = max(1.0, end - x - 0.6)
        box = {"x": x, "y": y, "width": wide, "height": _BAR, "rx": min(2.0, wide / 3)}
        parts = [
            element("title", self._told(segment)),
            element("rect", **box, class_=look),
        ]
        if look in (NOT_KEPT, "Failed"):
            parts.append(element("rect", **box, fill=f"url(#{self.prefix}-{look})"))
        if not segment.exact:
            parts.append(element("rect", **box, class_="inexact"))
        # Where windows are drawn over it, they tell what is judged.
        is_covered = has_windows and segment.state == "Validating"
        word = fitting(self._words(segment, look), wide - 6)
        if word and not is_covered:
            halo = " halo" if look == NOT_KEPT else ""
            parts.append(
                element(
                    "text",
                    word,
                    x=x + wide / 2,
                    y=y + 12,
                    text_anchor="middle",
                    class_=f"on-{look}{halo}",
                )
            )
        return element("g", *parts, data_state=segment.state)

    def _failure(self, segment: Segment, y: float) -> Markup:
        """What failed may be replaced at once: then its letter has no room, and a sign stands."""
        x, end = self.scale.x(segment.since), self.scale.x(segment.until)
        if fitting([STATES["Failed"][0]], end - x - 7):
            return Markup("")
        return sign("bad", (x + end) / 2, y + _BAR / 2, 6)

    def _words(self, segment: Segment, look: str) -> list[str]:
        letter = STATES[look][0]
        if segment.state == NOT_KEPT:
            return ["not kept"]
        if segment.state in ("Running", "Completed"):
            return [f"v{segment.version} {segment.state}", f"v{segment.version} {letter}", letter]
        return [segment.state, letter]

    def _told(self, segment: Segment) -> str:
        stretch = f"{self._since(segment.since)} to {self._since(segment.until)}"
        if segment.state == NOT_KEPT:
            return f"what ran is not kept, {stretch}"
        sure = "" if segment.exact else "; later states are in it, when they began is not kept"
        words = f": {segment.message}" if segment.message else ""
        return f"v{segment.version} {segment.state}, {stretch}{sure}{words}"

    def _window(self, window: Window, y: float) -> Markup:
        self.verdicts.add(window.verdict)
        x, end = self.scale.x(window.since), self.scale.x(window.until)
        wide = max(1.0, end - x - 1.2)
        parts = [
            element("title", panel.told(window)),
            element("rect", x=x, y=y + 2, width=wide, height=_BAR - 4, rx=2, class_=window.verdict),
        ]
        if wide >= 13:
            mark = VERDICTS[window.verdict]
            middle = x + wide / 2
            parts.append(
                element("text", mark, x=middle, y=y + 12, text_anchor="middle", class_="on")
            )
        return element("g", *parts, data_window=window.verdict)

    def _counted(self, count: int, words: str, y: float, look: str = "") -> Markup:
        """Nodes without a row each, as one that has their look, or only words."""
        x, end = self.scale.left, self.scale.right
        parts = [element("text", nodes(count), x=16, y=y + 12)]
        if look:
            self.looks.add(look)
            box = {"x": x, "y": y, "width": end - x, "height": _BAR, "rx": 2}
            parts.append(element("rect", **box, class_=look))
            if look == NOT_KEPT:
                parts.append(element("rect", **box, fill=f"url(#{self.prefix}-{look})"))
        place = (x + end) / 2 if look else x
        anchor = "middle" if look else "start"
        halo = f"on-{look}{' halo' if look == NOT_KEPT else ''}" if look else "soft"
        shown = cut(words, end - x - 8)
        parts.append(element("text", shown, x=place, y=y + 12, text_anchor=anchor, class_=halo))
        return element("g", *parts, class_="row")

    def _untouched(self, y: float) -> tuple[Markup, float]:
        if not self.report.untouched:
            return Markup(""), y
        parts = [
            element("line", x1=8, x2=self.width - 8, y1=y + 4, y2=y + 4, class_="rule"),
            element("text", "Not taken", x=8, y=y + 19, class_="strong"),
        ]
        y += _HEAD
        for version, count in self.report.untouched.items():
            parts.append(self._counted(count, f"stayed on v{version}", y, OTHER))
            y += _ROW
        return element("g", *parts, class_="wave"), y + _GAP

    def _axis(self, top: float, begin: float, y: float) -> tuple[Markup, Markup]:
        grid, parts = [], []
        zero = self.report.begin
        for tick in self.scale.ticks(zero, 84 if self.is_wide else 56):
            x = self.scale.x(tick)
            grid.append(element("line", x1=x, x2=x, y1=top, y2=y, class_="rule"))
            words = span(tick - zero)
            if x + room(words) / 2 < self.width - 4:
                parts.append(
                    element("text", words, x=x, y=y + 14, text_anchor="middle", class_="soft")
                )
        day, _, clock = format_time(zero).rstrip("Z").partition("T")
        ends = "now" if self.report.is_open else "the end"
        sentences = [
            f"time since {day} {clock} UTC; {ends} is after {span(self.report.end - zero)}",
            f"since {day} {clock} UTC",
        ]
        named = fitting(sentences, self.width - self.scale.left)
        parts.append(element("text", named, x=self.scale.left, y=y + 31, class_="soft"))
        if self.report.is_open:
            x = self.scale.x(self.report.end)
            parts.append(
                element("line", x1=x, x2=x, y1=begin, y2=y, class_="line-plain", stroke_width=2)
            )
        return element("g", *grid), element("g", *parts, class_="axis")

    def _legend(self, y: float) -> tuple[Markup, float]:
        shown = [look for look in STATES if look in self.looks]
        items = [(self._swatch(look), WORDS.get(look, look)) for look in shown]
        for verdict, mark in VERDICTS.items():
            if verdict in self.verdicts:
                box = element("rect", width=20, height=12, y=2, rx=2, class_=verdict)
                sign_ = element("text", mark, x=10, y=12, text_anchor="middle", class_="on")
                items.append((joined([box, sign_]), f"{verdict} window"))
        seen = {tone(mark) for mark in self.report.marks}
        for kind, words in (("good", "went well"), ("bad", "went wrong"), ("wait", "waits")):
            if kind in seen:
                items.append((sign(kind, 10, 8), words))
        parts, x = [], 8.0
        y += 8
        for drawn, words in items:
            wide = 28 + room(words) + 12
            if x + wide > self.width and x > 8:
                x, y = 8.0, y + 20
            label = element("text", words, x=27, y=12, class_="soft")
            parts.append(element("g", drawn, label, transform=f"translate({x:g} {y:g})"))
            x += wide
        return element("g", *parts, class_="legend"), y + 24

    def _swatch(self, look: str) -> Markup:
        box = {"width": 20, "height": 14, "y": 1, "rx": 2}
        parts = [element("rect", **box, class_=look)]
        if look in (NOT_KEPT, "Failed"):
            parts.append(element("rect", **box, fill=f"url(#{self.prefix}-{look})"))
        if letter := STATES[look][0]:
            parts.append(
                element("text", letter, x=10, y=12, text_anchor="middle", class_=f"on-{look}")
            )
        return joined(parts)

    def _since(self, moment: float) -> str:
        return format_time(moment).partition("T")[2].rstrip("Z")


def title(report: Report) -> str:
    """``app v3: Completed``."""
    reason = report.reason
    more = f" ({reason})" if reason not in ("", report.state, "Progressing") else ""
    if len(report.rollouts) > 1:
        first = report.rollouts[0]
        return f"{report.job} v{report.version}: {first['state']} ({first['reason']}), rolled back"
    return f"{report.job} v{report.version}: {report.state or 'not begun'}{more}"


def described(report: Report) -> str:
    """The picture in words, for whoever does not see it."""
    told = [f"{each['name']}: {each['message']}" for each in report.rollouts if each["message"]]
    told += [f"{mark.text} after {span(mark.at - report.begin)}" for mark in _of_all(report)]
    if is_aggregated(report):
        told.append("nodes are aggregated by wave")
    return ". ".join(told)


def _of_all(report: Report) -> Sequence[Mark]:
    return [mark for mark in report.marks if not mark.node]
