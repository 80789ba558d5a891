"""``make readme``: run the two commands and write their real output into README.md.

Between ``<!-- output of: COMMAND -->`` and ``<!-- end of output -->`` stands what the command
printed, from the first line that begins with the marker's ``from`` word, if it has one. Nothing is
written of a command that fails. With commands as arguments (``"make demo"``), these alone.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
BLOCK = re.compile(
    r"(?P<head><!-- output of: (?P<command>[^;>]+?)(?:; from: (?P<begin>[^>]+?))? -->\n)"
    r".*?(?P<tail><!-- end of output -->)",
    re.DOTALL,
)


def run(command: str) -> str:
    """What the command prints, standard error included; SystemExit if it fails."""
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "80"}
    for of_make in ("MAKELEVEL", "MAKEFLAGS", "MFLAGS"):
        environment.pop(of_make, None)  # or it would tell its directory
    print(f"running: {command}", flush=True)
    lines = []
    with subprocess.Popen(
        command.split(), cwd=ROOT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as done:  # fmt: skip
        assert done.stdout is not None
        for line in done.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    if done.returncode != 0:
        sys.exit(f"{command} ended with exit code {done.returncode}")
    return "".join(lines)


def cut(output: str, begin: str | None) -> str:
    """The output from the line that begins so; all of it without."""
    lines = output.rstrip().splitlines()
    if begin is not None:
        found = [number for number, line in enumerate(lines) if line.startswith(begin)]
        if not found:
            sys.exit(f"no line of the output begins with {begin!r}")
        lines = lines[found[0] :]
    return "\n".join(line.rstrip() for line in lines)


def replace(match: re.Match[str]) -> str:
    output = cut(run(match["command"]), match["begin"])
    return f"{match['head']}```text\n{output}\n```\n{match['tail']}"


def main() -> None:
    for match in BLOCK.finditer(README.read_text()):
        if match["command"] in (sys.argv[1:] or [match["command"]]):
            block = replace(match)
            README.write_text(README.read_text().replace(match[0], block))


if __name__ == "__main__":
    main()
