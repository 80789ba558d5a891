"""Flame graphs of py-spy, read back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.profile.flames import LOOP, OPERATOR, SIMULATED, START, digest, read

Tree = Mapping[str, Any]
"""Callees by "name (file:line)"; a number stands for samples of the function itself."""

RUN = "VirtualLoop._run_once (wavegate/simulation/loop.py:53)"
PLAN = "plan (wavegate/domain/plan.py:50)"
MATCHES = "matches (wavegate/domain/selector.py:58)"
REQUEST = "Server.request (wavegate/simulation/server.py:9)"
DUMPS = "dumps (json/__init__.py:183)"
WRITE = "Writer.run (wavegate/engine/writer.py:7)"


def total(tree: Tree | int) -> int:
    return tree if isinstance(tree, int) else sum(map(total, tree.values()))


def draw(path: Path, tree: Tree) -> Path:
    """As py-spy draws it: frames from left to right, one row for each depth."""
    groups: list[str] = []

    def put(title: str, part: Tree | int, x: int, depth: int) -> None:
        width = total(part)
        where = f'x="0%" y="{52 + 16 * depth}" width="1%" height="15" fg:x="{x}" fg:w="{width}"'
        text = title.replace("<", "&lt;").replace(">", "&gt;")
        groups.append(f"<g><title>{text} ({width:,} samples, 1.00%)</title><rect {where}/></g>")
        for callee, below in part.items() if not isinstance(part, int) else ():
            if callee != "itself":
                put(callee, below, x, depth + 1)
            x += total(below)

    put("all", tree, 0, 0)
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:fg="http://github.com/jonhoo/inferno"'
    path.write_text(f"<svg {names}><svg>{''.join(groups)}</svg></svg>")
    return path


@pytest.fixture
def svg(tmp_path: Path) -> Path:
    main = {
        "<module> (wavegate/domain/plan.py:1)": 7,
        RUN: {
            "itself": 3,
            PLAN: {"itself": 10, MATCHES: {"itself": 20, MATCHES: 5, DUMPS: 4}},
            WRITE: {"itself": 2, REQUEST: {"itself": 40, DUMPS: 30, MATCHES: 6}},
            "Frame.run (wavegate/simulation/frame.py:3)": {
                "itself": 1,
                "on_job (wavegate/handlers/jobs.py:4)": {"itself": 8, DUMPS: 1000},
            },
        },
    }
    return draw(tmp_path / "flames.svg", {"main (app.py:1)": main})


def test_a_frame_is_under_the_one_that_called_it(svg: Path):
    top = read(svg)
    (main,) = top.callees
    assert (main.name, main.file, main.line, main.samples) == ("main", "app.py", 1, 1136)
    assert main.own == 0
    loop = main.callees[1]
    assert [each.name for each in loop.callees] == ["plan", "Writer.run", "Frame.run"]
    assert loop.own == 3
    assert loop.callees[2].callees[0].callees[0].samples == 1000


def test_a_sample_is_the_operators_where_it_called_what_ran(svg: Path):
    profile = digest(read(svg))
    assert profile.samples == {
        START: 7,
        LOOP: 3,
        OPERATOR: 10 + 20 + 5 + 4 + 2 + 8 + 1000,
        SIMULATED: 40 + 30 + 6 + 1,
    }
    assert profile.share == pytest.approx(1049 / 1129)


def test_of_a_function_that_calls_itself_each_sample_counts_once(svg: Path):
    profile = digest(read(svg))
    assert profile.own[MATCHES] == 25
    assert profile.inclusive[MATCHES] == 29
    assert profile.inclusive[PLAN] == 39


def test_a_library_counts_for_the_part_that_called_it(svg: Path):
    profile = digest(read(svg))
    assert +profile.parts == {
        "wavegate/domain": 39,
        "wavegate/engine": 2,
        "wavegate/handlers": 1008,
    }


def test_what_is_no_flame_graph_is_refused(tmp_path: Path):
    path = tmp_path / "empty.svg"
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    with pytest.raises(ValueError, match="holds no frames"):
        read(path)
