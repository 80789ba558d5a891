"""``make shown``: play a story on simulated nodes and write what kubectl says into docs/concepts.

Between ``<!-- shown: MOMENT -->`` and ``<!-- end of shown -->`` a page has kubectl commands, each
after ``$ ``, and what they printed when the story had come to the moment. Whoever changes a page
types the commands; the rest comes from the run. A moment has to hold before the commands and still
after them. Nothing is written before the whole story has been played.

The order of nodes follows from the job's uid, so that other nodes are canaries in each run. A node
in a command is therefore the one that the job's message names, as a reader would take it.
"""

from __future__ import annotations

import re
import shlex
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from demo.__main__ import story as told
from demo.clusters import LabStage, Stage
from demo.errors import DemoError
from demo.kubectl import Kubectl
from demo.observer import observe
from demo.operator_process import OperatorProcess
from shown.story import JOB, NODES, STORY, Scene
from wavelab.errors import WavelabError

PAGES = Path(__file__).resolve().parents[2] / "docs" / "concepts"
BLOCK = re.compile(
    r"(?P<head><!-- shown: (?P<moment>[\w-]+) -->\n)(?P<body>.*?)(?P<tail><!-- end of shown -->)",
    re.DOTALL,
)
COMMAND = re.compile(r"^\$ kubectl (.+)$", re.MULTILINE)
NODE = re.compile(r"\bsim-\d+\b")

PATIENCE = 180.0
"""Seconds within which a scene comes to its moment, or the run has failed."""
POLL = 0.4
"""Seconds between two looks."""


def problems(pages: Iterable[str], story: Sequence[Scene] = STORY) -> list[str]:
    """In which moments pages and story differ, and blocks without a command."""
    found = [match for page in pages for match in BLOCK.finditer(page)]
    used = Counter(match["moment"] for match in found)
    moments = {scene.moment for scene in story if scene.moment}
    return [
        *(f"a page shows {each}, which the story lacks" for each in sorted(used.keys() - moments)),
        *(f"no page shows {each} of the story" for each in sorted(moments - used.keys())),
        *(f"{each} is shown more than once" for each, times in used.items() if times > 1),
        *(f"{m['moment']} has no kubectl command" for m in found if not COMMAND.search(m["body"])),
    ]


def commands_of(pages: Iterable[str]) -> dict[str, list[str]]:
    """The kubectl commands of each moment, without the word kubectl."""
    found = (match for page in pages for match in BLOCK.finditer(page))
    return {match["moment"]: COMMAND.findall(match["body"]) for match in found}


def written(page: str, taken: Mapping[str, str]) -> str:
    """The page with what was taken of each moment that it shows."""
    return BLOCK.sub(lambda m: f"{m['head']}```text\n{taken[m['moment']]}\n```\n{m['tail']}", page)


def take(kubectl: Kubectl, commands: Iterable[str], message: str) -> str:
    """The commands with what they print now. DemoError: one prints nothing."""
    node = NODE.search(message)
    parts = []
    for each in commands:
        command = NODE.sub(node[0], each) if node else each
        lines = [line.rstrip() for line in kubectl(*shlex.split(command)).splitlines()]
        if not lines:
            raise DemoError(f"kubectl {command} prints nothing")
        parts.append("\n".join([f"$ kubectl {command}", *lines]))
    return "\n\n".join(parts)


def play(kubectl: Kubectl, namespace: str, scene: Scene, commands: Iterable[str]) -> str:
    """Come to the scene's moment; what the commands show of it. DemoError: it never came."""
    seen = observe(kubectl, namespace, JOB)
    if scene.act:
        arguments, given = scene.act(seen)
        kubectl(*arguments, given=given)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        seen = observe(kubectl, namespace, JOB)
        if scene.holds(seen):
            shown = take(kubectl, commands, seen.message)
            if scene.holds(observe(kubectl, namespace, JOB)):
                return shown
        time.sleep(POLL)
    raise DemoError("\n".join([f"never came true: {scene.title}", *told(seen)]))


def run(stage: Stage, commands: Mapping[str, Sequence[str]], log: Path) -> dict[str, str]:
    """Play the whole story on the stage; what was taken of each moment."""
    stage.prepare(print)
    # So that commands need not name it, as on a user's own machine.
    stage.kubectl("config", "set-context", "--current", f"--namespace={stage.namespace}")
    operator = OperatorProcess(
        stage.operator_kubeconfig(), log, lease_namespace=stage.lease_namespace,
        namespace=stage.namespace, image=None, marks=stage.marks(),
    )  # fmt: skip
    taken = {}
    try:
        operator.start()
        for scene in STORY:
            print(scene.title, flush=True)
            wanted = commands.get(scene.moment, ())
            taken[scene.moment] = play(stage.kubectl, stage.namespace, scene, wanted)
    except DemoError as error:
        raise DemoError(f"{error}\nthe operator's last words:\n{operator.tail()}") from None
    finally:
        operator.stop()
    return taken


def main() -> int:
    pages = {path: path.read_text() for path in sorted(PAGES.glob("*.md"))}
    if differ := problems(pages.values()):
        print("\n".join(differ), file=sys.stderr)
        return 2
    stage = LabStage(NODES, runs_pods=False)
    try:
        with TemporaryDirectory() as directory:
            taken = run(stage, commands_of(pages.values()), Path(directory) / "operator.log")
    except (DemoError, WavelabError, KeyboardInterrupt) as error:
        print(f"shown: {str(error) or 'interrupted'}", file=sys.stderr)
        return 1
    finally:
        stage.remove(print)
    for path, page in pages.items():
        path.write_text(written(page, taken))
    return 0


if __name__ == "__main__":
    # Whoever ends it, by Ctrl-C or kill, finds nothing left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
