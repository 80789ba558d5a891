"""Colours, letters and patterns. A state is told by its letter as well, and what went wrong by its
pattern or shape, so that nothing rests on colour alone."""

from __future__ import annotations

from typing import Final

from wavegate.cli.report.model import Mark
from wavegate.cli.report.segments import NOT_KEPT, Segment
from wavegate.cli.report.svg import Markup, element

OTHER: Final = "Other"
"""The look of what runs another version than the one that the report is of."""

STATES: Final = {
    "Running": ("R", "#27794e", "#fff", "#2c8a59", "#fff"),
    "Completed": ("C", "#1d6f74", "#fff", "#24868c", "#fff"),
    "Validating": ("V", "#8ab8f0", "#10233a", "#2d66ad", "#fff"),
    "Starting": ("S", "#a9dcdc", "#10302f", "#2a6a6c", "#fff"),
    "Pending": ("P", "#dcd6ee", "#2a2342", "#4d4672", "#fff"),
    "Degraded": ("D", "#e9a13b", "#2b1a00", "#b7731a", "#fff"),
    "Lost": ("L", "#7b3f9d", "#fff", "#8f57b3", "#fff"),
    "Failed": ("F", "#c2352b", "#fff", "#cf4a3f", "#fff"),
    "Stopped": ("X", "#9aa4b0", "#10161d", "#56616d", "#fff"),
    OTHER: ("R", "#d3dae3", "#26313d", "#38434f", "#e6ebf1"),
    NOT_KEPT: ("", "none", "#566273", "none", "#9aa7b5"),
}
"""Of a state: its letter, and by day and by night its colour and that of the letter on it."""

WORDS: Final = {OTHER: "runs another version", NOT_KEPT: "not kept"}

VERDICTS: Final = {"good": "✓", "bad": "✕", "unreadable": "?"}

_GOOD: Final = ("CanaryStable", "GateOpened", "Promoted", "Completed", "RolledBack")
_BAD: Final = ("CanaryFailed", "Failed", "NodeFailed", "Canceled", "RollbackStarted")
_WAITS: Final = ("AwaitingPromotion", "Paused")

_BASE: Final = """
.wg{font:12px system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;display:block;
--ink:#17212b;--soft:#566273;--rule:#dde3ea;--panel:#f5f7fa;--ground:#fff;
--good:#27794e;--bad:#c2352b;--wait:#a86a00;--unread:#7a8593;
print-color-adjust:exact;-webkit-print-color-adjust:exact}
.wg text{fill:var(--ink)}.wg .soft{fill:var(--soft)}.wg .strong{font-weight:600}
.wg .halo{paint-order:stroke;stroke:var(--ground);stroke-width:4px;stroke-linejoin:round}
.wg .rule{stroke:var(--rule)}.wg .ground{fill:var(--ground)}.wg .panel{fill:var(--panel)}
.wg .hatch{stroke:var(--soft);stroke-opacity:.55}.wg .limit{stroke:var(--bad);stroke-dasharray:5 3}
.wg .inexact{stroke:var(--soft);stroke-dasharray:3 2;fill:none}
.wg .good{fill:var(--good)}.wg .bad{fill:var(--bad)}.wg .wait{fill:var(--wait)}
.wg .plain{fill:var(--soft)}.wg .unreadable{fill:var(--unread)}
.wg .line-good{stroke:var(--good)}.wg .line-bad{stroke:var(--bad)}.wg .line-wait{stroke:var(--wait)}
.wg .line-plain{stroke:var(--soft)}.wg .leader{stroke-opacity:.7;stroke-dasharray:2 3}
.wg .sign{stroke:var(--ground);stroke-width:1.5}
.wg .on{fill:var(--ground);stroke:none;font-weight:600}.wg .stripe{stroke:#fff;stroke-opacity:.35}
"""

_NIGHT: Final = """--ink:#e6ebf1;--soft:#9aa7b5;--rule:#2a333e;--panel:#171d25;--ground:#0f141a;
--good:#43b37b;--bad:#f0776c;--wait:#e0a63d;--unread:#8b97a5"""


def style() -> Markup:
    """Of every picture; once in a page."""
    day = "".join(
        f".wg .{name}{{fill:{fill}}}.wg .on-{name}{{fill:{ink}}}\n"
        for name, (_, fill, ink, _, _) in STATES.items()
    )
    night = "".join(
        f".wg .{name}{{fill:{fill}}}.wg .on-{name}{{fill:{ink}}}\n"
        for name, (_, _, _, fill, ink) in STATES.items()
    )
    # A page that is printed at night is printed as by day.
    dark = f"@media screen and (prefers-color-scheme:dark){{.wg{{{_NIGHT}}}\n{night}}}"
    return element("style", Markup(f"{_BASE}{day}{dark}"))


def patterns(prefix: str) -> Markup:
    """Hatches, under names that no other picture of a page has."""
    return element(
        "defs",
        _pattern(f"{prefix}-{NOT_KEPT}", "hatch", 7),
        _pattern(f"{prefix}-Failed", "stripe", 6),
    )


def _pattern(name: str, look: str, size: int) -> Markup:
    line = element("line", x1=0, y1=0, x2=0, y2=size, class_=look, stroke_width=2)
    return element(
        "pattern",
        line,
        id=name,
        width=size,
        height=size,
        patternUnits="userSpaceOnUse",
        patternTransform="rotate(45)",
    )


def look_of(segment: Segment, version: int) -> str:
    """A key of STATES."""
    is_other = segment.version not in (0, version) and segment.state in ("Running", "Completed")
    return OTHER if is_other else segment.state


def tone(mark: Mark) -> str:
    """good, bad, wait or plain."""
    for kinds, name in ((_GOOD, "good"), (_BAD, "bad"), (_WAITS, "wait")):
        if mark.kind in kinds:
            return name
    return "plain"


def sign(kind: str, x: float, y: float, size: float = 5.0) -> Markup:
    """The shape of a tone: a disc for good, a diamond for bad, a square for waits, else a wedge."""
    match kind:
        case "good":
            return element("circle", cx=x, cy=y, r=size, class_=f"{kind} sign")
        case "bad":
            tips = f"M{x:g} {y - size - 1:g}l{size + 1:g} {size + 1:g}l-{size + 1:g} {size + 1:g}"
            return element("path", d=f"{tips}l-{size + 1:g}-{size + 1:g}z", class_=f"{kind} sign")
        case "wait":
            side = 2 * size - 1
            return element("rect", x=x - side / 2, y=y - side / 2, width=side, height=side,
                           class_=f"{kind} sign")  # fmt: skip
    return element("path", d=f"M{x - size + 1:g} {y - size:g}l{2 * size:g} {size:g}l-{2 * size:g}"
                             f" {size:g}z", class_=f"{kind} sign")  # fmt: skip
