"""The generated pages and blocks are as the code has them, and each diagram is on some page."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from wavegate.domain import budget, conditions
from wavegate.reference.__main__ import drifted, main
from wavegate.reference.blocks import with_blocks
from wavegate.reference.diagrams import DIAGRAMS
from wavegate.reference.index import CONCEPTS
from wavegate.reference.markdown import HEAD, REPAIR, anchor, table
from wavegate.reference.tables import docstring_table
from wavegate.runs import schedule

WITHOUT_A_DIAGRAM = {
    *("versions", "types", "fleet-runs"),
    *("calls", "limits", "schedules", "dependencies", "health", "webhooks"),
}
DOCS = Path(__file__).parents[3] / "docs"


def test_the_pages_are_as_the_code_has_them() -> None:
    assert drifted(DOCS) == [], f"repair with: {REPAIR}"


def test_check_says_what_drifted_and_what_repairs_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(DOCS / "concepts", tmp_path / "concepts")
    options = ["--docs", str(tmp_path)]
    assert main(options) == 0
    assert main([*options, "--check"]) == 0
    job, old = tmp_path / "reference" / "fleetjob.md", tmp_path / "reference" / "old.md"
    gates = tmp_path / "concepts" / "gates.md"
    job.write_text(job.read_text().replace("`50`", "`60`"))
    (tmp_path / "reference" / "execution.md").unlink()
    old.write_text(f"{HEAD}\n\n# A kind that is gone\n")
    own = tmp_path / "reference" / "own.md"
    own.write_text("# Written by hand\n")
    gates.write_text(gates.read_text().replace("--> Failed", "--> Passed"))
    assert main([*options, "--check"]) == 1
    said = capsys.readouterr().err
    assert REPAIR in said
    for name in ("fleetjob.md", "execution.md", "old.md", "gates.md"):
        assert name in said
    assert "jobversion.md" not in said
    assert main(options) == 0
    assert drifted(tmp_path) == []
    assert not old.exists()
    assert own.exists()


def test_every_diagram_is_shown_and_every_concept_with_states_has_one() -> None:
    pages = {path.stem for path in (DOCS / "concepts").glob("*.md")}
    assert pages == {*CONCEPTS, "README"}
    shown = set()
    for name in CONCEPTS:
        found = set(
            re.findall(r"generated: diagram (\w+)", (DOCS / "concepts" / f"{name}.md").read_text())
        )
        assert bool(found) == (name not in WITHOUT_A_DIAGRAM), f"{name}.md has no diagram"
        shown |= found
    assert shown == set(DIAGRAMS)


def test_the_states_page_has_the_conditions_of_each_state() -> None:
    head, *rows = docstring_table(conditions)
    assert table(head, rows) in (DOCS / "concepts" / "states.md").read_text()


def test_a_block_is_written_anew_and_the_rest_is_left() -> None:
    text = "Before.\n<!-- generated: table budget -->\nold\n<!-- end of generated -->\nAfter.\n"
    made = with_blocks(text)
    head, *rows = docstring_table(budget)
    assert table(head, rows) in made
    assert made.startswith("Before.\n")
    assert made.endswith("\nAfter.\n")
    assert "old" not in made
    assert with_blocks(made) == made


def test_a_block_may_be_of_another_module_and_of_a_later_table() -> None:
    blocks = "".join(
        f"<!-- generated: table runs.schedule{number} -->\n<!-- end of generated -->\n"
        for number in ("", " 2")
    )
    made = with_blocks(blocks)
    assert made.index("| catchUp |") < made.index("| concurrencyPolicy |")
    with pytest.raises(ValueError, match=r"runs.schedule has 2 tables"):
        docstring_table(schedule, 3)


def test_a_block_that_the_code_does_not_have_is_an_error() -> None:
    with pytest.raises(KeyError, match="seasons"):
        with_blocks("<!-- generated: diagram seasons -->\n<!-- end of generated -->")


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("`spec.rollout.maxParallel`", "specrolloutmaxparallel"),
        ("What kubectl get shows", "what-kubectl-get-shows"),
        ("`status.conditions[].type`", "statusconditionstype"),
    ],
)
def test_anchors_are_those_of_github(heading: str, expected: str) -> None:
    assert anchor(heading) == expected
