"""The page around the picture: what came of the rollout in words, the decisions, the failures.

One file that needs nothing else: no script, no font, no address. The picture is there in two
widths, of which a browser shows the one that fits. Whoever does not see it finds the same below it
as text.
"""

from __future__ import annotations

from typing import Final

from wavegate.cli.report.groups import is_aggregated
from wavegate.cli.report.look import style, tone
from wavegate.cli.report.model import Mark, Report
from wavegate.cli.report.picture import NARROW, WIDE, picture, title
from wavegate.cli.report.scale import span
from wavegate.cli.report.svg import Markup, element
from wavegate.domain.times import format_time

MOST_TOLD: Final = 60
"""Lines of the list of decisions; of more nodes than that the picture and -o json tell."""

_STYLE: Final = """
:root{color-scheme:light dark;--ink:#17212b;--soft:#566273;--rule:#dde3ea;--ground:#fff;
--panel:#f5f7fa;--good:#27794e;--bad:#c2352b;--wait:#a86a00}
@media screen and (prefers-color-scheme:dark){:root{--ink:#e6ebf1;--soft:#9aa7b5;--rule:#2a333e;
--ground:#0f141a;--panel:#171d25;--good:#43b37b;--bad:#f0776c;--wait:#e0a63d}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1152px;padding:20px 16px;background:var(--ground);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;overflow-wrap:anywhere}
h1{font-size:26px;line-height:1.25;margin:0}h2{font-size:17px;margin:28px 0 8px}
p{margin:6px 0}.soft{color:var(--soft)}
.good{color:var(--good)}.bad{color:var(--bad)}.wait{color:var(--wait)}
.lead{border-left:4px solid currentColor;padding-left:12px;margin:12px 0}
.lead span{color:var(--ink)}
dl.facts{display:flex;flex-wrap:wrap;gap:8px;margin:14px 0}
dl.facts div{background:var(--panel);border-radius:6px;padding:6px 14px}
dt{color:var(--soft);font-size:13px}dd{margin:0;font-weight:600;font-size:18px}
figure{margin:18px 0}.narrow{display:none}
@media (max-width:720px){.wide{display:none}.narrow{display:block}}
@media print{.wide{display:block}.narrow{display:none}.wide svg{width:100%;height:auto}
body{padding:0}}
figure svg{max-width:100%;height:auto}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{text-align:left;vertical-align:top;padding:4px 12px 4px 0;border-bottom:1px solid var(--rule)}
th{color:var(--soft);font-weight:400}th:first-child,td:first-child{white-space:nowrap;width:5em}
td:nth-child(2){min-width:9em}
@media (min-width:721px){td:nth-child(2){width:17em}}
"""


def page(report: Report) -> str:
    """The whole document. Its size does not grow with the fleet."""
    name = title(report)
    blocks = [
        element("h1", name),
        element(
            "p",
            f"FleetJob {report.namespace}/{report.job}, {_kind(report)},"
            f" {format_time(report.begin)} to {_end(report)}",
            class_="soft",
        ),
        _lead(report),
        _facts(report),
        _figure(report),
        _decisions(report),
        _not_kept(report),
    ]
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", name),
        element("style", Markup(_STYLE)),
        style(),
    )
    document = element("html", head, element("body", element("main", *blocks)), lang="en")
    return f"<!DOCTYPE html>\n{document}\n"


def _kind(report: Report) -> str:
    first = report.rollouts[0]
    if first["type"] == "Create":
        return f"first rollout of v{report.version}"
    return f"{first['type']} from v{report.from_version} to v{report.version}"


def _end(report: Report) -> str:
    return "now" if report.is_open else format_time(report.end)


def _lead(report: Report) -> Markup:
    """What came of it, in the operator's own words."""
    kinds = {"Completed": "good", "Failed": "bad", "Canceled": "bad", "Paused": "wait"}
    told = []
    for each in report.rollouts:
        words = f"{each['name']}: {each['message'] or each['state']}"
        look = kinds.get(each["state"], "soft")
        told.append(element("p", element("span", words), class_=f"lead {look}"))
    return Markup("".join(told))


def _facts(report: Report) -> Markup:
    first = report.rollouts[0]
    facts = [
        ("updated", f"{first['updatedNodes']:,} of {first['totalNodes']:,} nodes"),
        ("failed", f"{first['failedNodes']:,}"),
        ("waves", f"{first['wave']:,} of {first['waves']:,}"),
        ("takes so far" if report.is_open else "took", span(report.end - report.begin)),
    ]
    cells = [element("div", element("dt", name), element("dd", value)) for name, value in facts]
    return element("dl", *cells, class_="facts")


def _figure(report: Report) -> Markup:
    words = "Each row is a node, in the order in which the waves took them."
    if is_aggregated(report):
        words = (
            f"{len(report.rows):,} nodes are aggregated by wave: the height of a colour is the"
            " share of the wave's nodes in that state. Of the nodes that are not well some have"
            " rows of their own."
        )
    return element(
        "figure",
        element("div", Markup(picture(report, WIDE, styled=False)), class_="wide"),
        element("div", Markup(picture(report, NARROW, styled=False)), class_="narrow"),
        element("figcaption", words, class_="soft"),
    )


def _decisions(report: Report) -> Markup:
    shown = list(report.marks)
    if len(shown) > MOST_TOLD:
        shown = [mark for mark in shown if not mark.node]
        room = MOST_TOLD - len(shown)
        of_nodes = [mark for mark in report.marks if mark.node][: max(0, room)]
        shown = sorted([*shown, *of_nodes], key=lambda mark: mark.at)
    rows = [_decision(report, mark) for mark in shown]
    if more := len(report.marks) - len(shown):
        words = f"and {more:,} more of single nodes; wavegate report -o json has them"
        rows.append(element("tr", element("td"), element("td"), element("td", words)))
    head = element("tr", *(element("th", each, scope="col") for each in ("after", "what", "why")))
    table = element("table", element("thead", head), element("tbody", *rows))
    return Markup(element("h2", "What was decided, and when") + table) if rows else Markup("")


def _decision(report: Report, mark: Mark) -> Markup:
    what = f"{mark.node}: {mark.text}" if mark.node else mark.text
    moment = element("time", span(mark.at - report.begin), datetime=format_time(mark.at))
    return element(
        "tr",
        element("td", moment, title=format_time(mark.at)),
        element("td", what, class_=tone(mark)),
        element("td", mark.message),
    )


def _not_kept(report: Report) -> Markup:
    if not report.not_kept:
        return Markup("")
    items = [element("li", each) for each in report.not_kept]
    return Markup(element("h2", "What is not kept") + element("ul", *items, class_="soft"))
