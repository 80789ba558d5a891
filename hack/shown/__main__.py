"""``make shown``: play a story on simulated nodes and write what commands say of it into the pages.

Between ``<!-- shown: MOMENT -->`` and ``<!-- end of shown -->`` a page has commands of kubectl or
wavegate, each after ``$ ``, and what they printed when the story had come to the moment. Whoever
changes a page types the commands; the rest comes from the run. A moment has to hold before the
commands and still after them. Nothing is written before the whole story has been played.

``job.yaml`` is what was applied last. ``wavegate get agent -w`` is begun with a scene that is
``watched``, and shown with what it has drawn until its moment.

The order of nodes follows from the job's uid, so that other nodes are canaries in each run. A node
in a command is therefore the one that the job's message names, as a reader would take it.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from demo.__main__ import story as told
from demo.clusters import LabStage, Stage
from demo.errors import DemoError
from demo.kubectl import Kubectl
from demo.observer import observe
from demo.operator_process import OperatorProcess
from shown.endpoint import HOST, answering
from shown.story import CLOSED, JOB, NODES, SETTING, STORY, Scene
from terminal import Terminal, frames
from wavelab.errors import WavelabError

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = (*sorted((DOCS / "concepts").glob("*.md")), DOCS / "cli.md")
BLOCK = re.compile(
    r"(?P<head><!-- shown: (?P<moment>[\w-]+) -->\n)(?P<body>.*?)(?P<tail><!-- end of shown -->)",
    re.DOTALL,
)
COMMAND = re.compile(r"^\$ ((?:kubectl|wavegate) .+)$", re.MULTILINE)
WATCH = f"wavegate get {JOB} -w"
INTO = " > "
"""Before the file beside docs/cli.md into which a command prints."""
NODE = re.compile(r"\bsim-\d+\b")
JUDGED = re.compile(r"\bwave (\d+)\b.*Validating")

PATIENCE = 180.0
"""Seconds within which a scene comes to its moment, or the run has failed."""
POLL = 0.4
"""Seconds between two looks."""


def problems(pages: Iterable[str], story: Sequence[Scene] = STORY) -> list[str]:
    """In which moments pages and story differ, and blocks without a command."""
    found = [match for page in pages for match in BLOCK.finditer(page)]
    used = {match["moment"] for match in found}
    moments = {scene.moment for scene in story if scene.moment}
    return [
        *(f"a page shows {each}, which the story lacks" for each in sorted(used - moments)),
        *(f"no page shows {each} of the story" for each in sorted(moments - used)),
        *(f"{m['moment']} has no command" for m in found if not COMMAND.search(m["body"])),
    ]


def is_bare(body: str) -> bool:
    """Whether a command of a block is followed by another one at once: it has never been run."""
    lines = [each for each in body.splitlines() if each]
    return any(
        one.startswith("$ ") and following.startswith("$ ") and INTO not in one
        for one, following in pairwise(lines)
    )


Block = tuple[str, tuple[str, ...]]
"""A moment, and the commands that a page has of it."""


def blocks_of(pages: Iterable[str]) -> list[Block]:
    """Each block of the pages."""
    return [_block(match) for page in pages for match in BLOCK.finditer(page)]


def _block(match: re.Match[str]) -> Block:
    return match["moment"], tuple(COMMAND.findall(match["body"]))


def written(page: str, taken: Mapping[Block, str]) -> str:
    """The page with what was taken of each moment that it shows."""
    return BLOCK.sub(lambda m: f"{m['head']}```text\n{taken[_block(m)]}\n```\n{m['tail']}", page)


def take(run: Callable[[str], str], commands: Iterable[str], message: str) -> str:
    """The commands with what they print now. DemoError: one prints nothing, and into no file."""
    node = NODE.search(message)
    parts = []
    for each in commands:
        command = NODE.sub(node[0], each) if node else each
        lines = [line.rstrip() for line in run(command).splitlines()]
        if not lines and INTO not in command:
            raise DemoError(f"{command} prints nothing")
        parts.append("\n".join([f"$ {command}", *lines]))
    return "\n\n".join(parts)


class Screen:
    """Where the commands of the pages are run: kubectl of the stage, and wavegate on a terminal."""

    def __init__(self, kubectl: Kubectl, directory: Path) -> None:
        self._kubectl = kubectl
        self._directory = directory
        self._watching: Terminal | None = None
        self.files: dict[str, str] = {}
        """What commands have printed into files."""
        self._environment = {**os.environ, "PYTHONPATH": str(ROOT / "operator"), "TERM": "xterm"}
        if kubectl.kubeconfig is not None:
            self._environment["KUBECONFIG"] = str(kubectl.kubeconfig)

    def __call__(self, command: str) -> str:
        """What it prints. DemoError: it fails."""
        command, _, file = command.partition(INTO)
        if file:
            self.files[file] = self(command)
            return ""
        program, *arguments = shlex.split(command)
        if program == "kubectl":
            return self._kubectl(*arguments)
        if command == WATCH:
            return self.watched()
        code, out, err = self._wavegate(arguments, {"NO_COLOR": "1"}).wait(PATIENCE)
        if code != 0:
            raise DemoError(f"{command}: {err}")
        return out

    def keep(self, job: str) -> None:
        """Have it as ``job.yaml`` in the commands' directory."""
        (self._directory / "job.yaml").write_text(job)

    def watch(self) -> None:
        """Begin to watch the job."""
        self._watching = self._wavegate(shlex.split(WATCH)[1:], {})

    def watched(self) -> str:
        """A few of the pictures that were drawn: the first, one of each wave, the last."""
        if self._watching is None:
            raise DemoError("nobody was watching")
        pictures = frames(self._watching.interrupt())
        self._watching = None
        if not pictures:
            raise DemoError(f"{WATCH} has drawn nothing")
        return chosen(pictures)

    def _wavegate(self, arguments: Sequence[str], more: Mapping[str, str]) -> Terminal:
        command = [sys.executable, "-m", "wavegate.cli.main", *arguments]
        return Terminal(command, self._directory, {**self._environment, **more})

    def close(self) -> None:
        if self._watching is not None:
            self._watching.interrupt()


def chosen(pictures: Sequence[str]) -> str:
    """The first picture, that with most nodes being judged in each wave, and the last."""
    fullest: dict[str, str] = {}
    for each in pictures:
        for wave in JUDGED.findall(each):
            if each.count("Validating") > fullest.get(wave, "").count("Validating"):
                fullest[wave] = each
    return "\n\n".join(dict.fromkeys([pictures[0], *fullest.values(), pictures[-1]]))


def play(
    kubectl: Kubectl,
    namespace: str,
    scene: Scene,
    blocks: Sequence[Block],
    screen: Screen,
) -> dict[Block, str]:
    """Come to the scene's moment; what the commands show of it. DemoError: it never came."""
    seen = observe(kubectl, namespace, JOB)
    if scene.watched:
        screen.watch()
    if scene.act:
        arguments, given = scene.act(seen)
        if given is not None:
            screen.keep(given)
        kubectl(*arguments, given=given)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        seen = observe(kubectl, namespace, JOB)
        if scene.holds(seen):
            shown = {each: take(screen, each[1], seen.message) for each in blocks}
            if scene.holds(observe(kubectl, namespace, JOB)):
                return shown
        time.sleep(POLL)
    raise DemoError("\n".join([f"never came true: {scene.title}", *told(seen)]))


def run(
    stage: Stage, blocks: Sequence[Block], directory: Path
) -> tuple[dict[Block, str], Mapping[str, str]]:
    """Play the whole story on the stage; what was taken of each moment, and files."""
    stage.prepare(print)
    # So that commands need not name it, as on a user's own machine.
    stage.kubectl("config", "set-context", "--current", f"--namespace={stage.namespace}")
    for arguments in SETTING:
        stage.kubectl(*arguments)
    operator = OperatorProcess(
        stage.operator_kubeconfig(), directory / "operator.log",
        lease_namespace=stage.lease_namespace, namespace=stage.namespace, image=None,
        marks={**stage.marks(), "WAVEGATE_CALL_NETWORK": f"{HOST}/32"},
    )  # fmt: skip
    screen = Screen(stage.kubectl, directory)
    taken: dict[Block, str] = {}
    try:
        operator.start()
        for scene in STORY:
            print(scene.title, flush=True)
            wanted = [each for each in blocks if each[0] == scene.moment]
            taken |= play(stage.kubectl, stage.namespace, scene, wanted, screen)
    except DemoError as error:
        raise DemoError(f"{error}\nthe operator's last words:\n{operator.tail()}") from None
    finally:
        screen.close()
        operator.stop()
    return taken, screen.files


def main() -> int:
    pages = {path: path.read_text() for path in PAGES}
    if differ := problems(pages.values()):
        print("\n".join(differ), file=sys.stderr)
        return 2
    stage = LabStage(NODES + CLOSED, runs_pods=False)
    try:
        with TemporaryDirectory() as directory, answering():
            taken, files = run(stage, blocks_of(pages.values()), Path(directory))
    except (DemoError, WavelabError, KeyboardInterrupt) as error:
        print(f"shown: {str(error) or 'interrupted'}", file=sys.stderr)
        return 1
    finally:
        stage.remove(print)
    for path, page in pages.items():
        path.write_text(written(page, taken))
    for name, content in files.items():
        (DOCS / name).write_text(content)
    return 0


if __name__ == "__main__":
    # Whoever ends it, by Ctrl-C or kill, finds nothing left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
