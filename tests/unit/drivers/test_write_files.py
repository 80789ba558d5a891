"""The program of jobs of type config, run by the shells it is made for."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from wavegate.api.fleetjob import load_job_spec
from wavegate.domain.observed import PlanSettings
from wavegate.drivers.config import PROGRAM, ConfigDriver

pytestmark = pytest.mark.row("spec.config")

SHELLS = {"dash": ["dash"], "busybox": ["busybox", "sh"]}
SETTINGS = PlanSettings(config_directories=("/etc/app", "/opt"))

Run = Callable[..., "Outcome"]


class Outcome:
    """How a run ended: exit code, and its result line by line."""

    def __init__(self, code: int, report: str) -> None:
        self.code = code
        self.first, *self.lines = report.splitlines()
        self.report = report


@pytest.fixture(params=list(SHELLS))
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """Runs the program with a job's files on a node whose file system is ``tmp_path/node``."""
    command = SHELLS[request.param]
    assert shutil.which(command[0]), f"{command[0]} is needed"
    (tmp_path / "node/etc/app").mkdir(parents=True)

    def go(files: list[dict[str, str]], name: str = "app") -> Outcome:
        document = tmp_path / "document"
        shutil.rmtree(document, ignore_errors=True)
        document.mkdir()
        spec = load_job_spec({"type": "config", "config": {"files": files}})
        for key, text in ConfigDriver().document(spec, "i", SETTINGS).items():
            (document / key).write_bytes(text.encode())
        report = tmp_path / "report"
        report.write_text("")
        environment = {
            "PATH": os.environ["PATH"],
            "NODE_ROOT": str(tmp_path / "node"),
            "TERMINATION_LOG": str(report),
            "JOB_NAMESPACE": "edge",
            "JOB_NAME": name,
        }
        ended = subprocess.run(
            [*command, str(document / PROGRAM)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.stdout == report.read_text(), "the log says the same"
        assert ended.stderr == ""
        return Outcome(ended.returncode, report.read_text())

    return go


@pytest.fixture
def node(tmp_path: Path) -> Path:
    return tmp_path / "node"


def file(path: str, content: str = "one\n", mode: str = "0644") -> dict[str, str]:
    return {"path": path, "content": content, "mode": mode}


def test_files_are_written_with_their_contents_and_modes(run: Run, node: Path) -> None:
    text = 'é "quoted" \\n $HOME `x`\n\n  no end of line'
    outcome = run(
        [
            file("/etc/app/a.conf", text),
            file("/etc/app/conf.d/with space.conf", mode="600"),
            file("/opt/run.sh", "", "0755"),
        ]
    )
    assert (outcome.code, outcome.first) == (
        0,
        "3 files: 3 written, 0 had been changed on the node",
    )
    assert outcome.lines == [
        "written /etc/app/a.conf",
        "written /etc/app/conf.d/with space.conf",
        "written /opt/run.sh",
    ]
    assert (node / "etc/app/a.conf").read_text() == text
    modes = {
        name: (node / name).stat().st_mode & 0o7777
        for name in ("etc/app/a.conf", "etc/app/conf.d/with space.conf", "opt/run.sh")
    }
    assert list(modes.values()) == [0o644, 0o600, 0o755]
    assert (node / "etc/app/conf.d").stat().st_mode & 0o777 == 0o755


def test_what_is_as_it_should_be_is_left_alone(run: Run, node: Path) -> None:
    run([file("/etc/app/a.conf")])
    before = (node / "etc/app/a.conf").stat()
    outcome = run([file("/etc/app/a.conf")])
    assert outcome.report == "1 file: 0 written, 0 had been changed on the node\n"
    after = (node / "etc/app/a.conf").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        pytest.param(lambda path: path.write_text("mine\n"), "changed", id="its content"),
        pytest.param(lambda path: path.chmod(0o666), "changed", id="its mode"),
        pytest.param(Path.unlink, "gone", id="removed"),
        pytest.param(
            lambda path: (path.unlink(), path.symlink_to("/dev/null")), "gone", id="a link"
        ),
    ],
)
def test_what_somebody_changed_is_found_told_and_mended(
    run: Run, node: Path, spoil: Callable[[Path], object], says: str
) -> None:
    files = [file("/etc/app/a.conf"), file("/etc/app/b.conf")]
    run(files)
    spoil(node / "etc/app/a.conf")
    outcome = run(files)
    assert outcome.first == "2 files: 1 written, 1 had been changed on the node"
    assert outcome.lines == [f"{says} /etc/app/a.conf", "written /etc/app/a.conf"]
    mended = node / "etc/app/a.conf"
    assert not mended.is_symlink()
    assert (mended.read_text(), mended.stat().st_mode & 0o777) == ("one\n", 0o644)
    assert run(files).first == "2 files: 0 written, 0 had been changed on the node"


def test_a_new_version_is_no_drift_and_one_found_by_it_is(run: Run, node: Path) -> None:
    run([file("/etc/app/a.conf", "one"), file("/etc/app/b.conf", "one")])
    (node / "etc/app/b.conf").write_text("by hand")
    outcome = run([file("/etc/app/a.conf", "two"), file("/etc/app/b.conf", "two")])
    assert outcome.lines == [
        "written /etc/app/a.conf",
        "changed /etc/app/b.conf",
        "written /etc/app/b.conf",
    ]


def test_a_file_that_was_there_before_the_first_run_is_no_drift(run: Run, node: Path) -> None:
    (node / "etc/app/a.conf").write_text("the distribution's\n")
    outcome = run([file("/etc/app/a.conf")])
    assert outcome.lines == ["written /etc/app/a.conf"]


def test_jobs_remember_apart_and_others_lines_stay(run: Run, node: Path) -> None:
    run([file("/etc/app/a.conf"), file("/etc/app/b.conf")])
    run([file("/etc/app/a.conf", "two\n")], name="other")
    assert run([file("/etc/app/a.conf")]).lines[0] == "changed /etc/app/a.conf"
    (node / "etc/app/b.conf").unlink()
    assert "gone /etc/app/b.conf" in run([file("/etc/app/b.conf")]).lines
    memory = (node / "etc/app/.wavegate.edge.app").read_text().splitlines()
    assert sorted(line.split(" ", 2)[2] for line in memory) == ["a.conf", "b.conf"]


def test_nothing_is_left_beside_and_an_interrupted_run_is_taken_up(run: Run, node: Path) -> None:
    (node / "etc/app/.wavegate.edge.app.new").write_text("half of")
    run([file("/etc/app/a.conf")])
    found = sorted(each.name for each in (node / "etc/app").iterdir())
    assert found == [".wavegate.edge.app", "a.conf"]


@pytest.mark.parametrize("name", [".wavegate.edge.app.new", ".wavegate.edge.app.fresh"])
def test_a_link_that_lies_beside_is_not_written_through(run: Run, node: Path, name: str) -> None:
    other = node / "etc/app/other"
    other.write_text("somebody's")
    (node / "etc/app" / name).symlink_to("other")
    assert run([file("/etc/app/a.conf")]).code == 0
    assert other.read_text() == "somebody's"
    assert not (node / "etc/app" / name).is_symlink()
    memory = node / "etc/app/.wavegate.edge.app"
    assert memory.is_file()
    assert not memory.is_symlink()
    assert run([file("/etc/app/a.conf")]).lines == [], "it is remembered"


def test_written_but_not_remembered_is_no_drift(run: Run, node: Path) -> None:
    run([file("/etc/app/a.conf", "one")])
    (node / "etc/app/a.conf").write_text("two")
    (node / "etc/app/a.conf").chmod(0o644)
    assert run([file("/etc/app/a.conf", "two")]).lines == []


def test_a_directory_in_the_way_fails_and_says_which(run: Run, node: Path) -> None:
    (node / "etc/app/b.conf").mkdir()
    outcome = run([file("/etc/app/a.conf"), file("/etc/app/b.conf"), file("/etc/app/c.conf")])
    assert outcome.code == 1
    assert outcome.first == "error: /etc/app/b.conf: is a directory"
    assert outcome.lines[-1] == "written /etc/app/a.conf", "what was done is told"
    assert not (node / "etc/app/c.conf").exists()


def test_a_link_to_a_directory_is_not_written_into(run: Run, node: Path) -> None:
    (node / "etc/app/elsewhere").mkdir()
    (node / "etc/app/a.conf").symlink_to("elsewhere")
    assert run([file("/etc/app/a.conf")]).first == "error: /etc/app/a.conf: is a directory"
    assert list((node / "etc/app/elsewhere").iterdir()) == []


def test_a_place_that_cannot_be_made_fails_in_the_systems_words(run: Run, node: Path) -> None:
    (node / "etc/app/conf.d").write_text("a file")
    outcome = run([file("/etc/app/conf.d/a.conf")])
    assert outcome.code == 1
    assert outcome.first.startswith("error: /etc/app/conf.d/a.conf: mkdir")


def test_a_long_result_has_all_numbers_and_says_that_it_was_cut(run: Run) -> None:
    files = [file(f"/etc/app/{number:02}-{'x' * 60}.conf") for number in range(40)]
    outcome = run(files)
    assert outcome.first == "40 files: 40 written, 0 had been changed on the node"
    assert outcome.lines[-1] == "..."
    assert len(outcome.report.encode()) <= 1024
    assert len(outcome.lines) > 8


def test_a_long_failure_is_cut_too(run: Run, node: Path) -> None:
    long = "/etc/app/" + "/".join(["d" * 60] * 4)
    many = [file(f"/etc/app/{number:02}-{'x' * 60}.conf") for number in range(20)]
    (node / "etc/app" / ("d" * 60)).write_text("in the way")
    outcome = run([*many, file(long[:250])])
    assert outcome.code == 1
    assert outcome.first.startswith("error: /etc/app/ddd")
    assert len(outcome.report.encode()) <= 1024
    assert outcome.report.endswith("...\n")
