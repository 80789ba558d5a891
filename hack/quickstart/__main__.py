"""``make quickstart``: run the quick start on a local cluster and write what it prints into it."""

from __future__ import annotations

import subprocess
import sys

from quickstart.page import PAGE, Step, steps, with_outputs
from quickstart.walk import WalkError, walk


def main() -> int:
    page = PAGE.read_text()
    chosen = [step for step in steps(page) if "local" in step.ways]
    try:
        printed = walk(
            chosen, {}, lambda step, _: print(f"done: {step.script}", end="", flush=True)
        )
    except (WalkError, KeyboardInterrupt) as error:
        print(f"quickstart: {str(error) or 'interrupted'}", file=sys.stderr)
        subprocess.run(["make", "down", "NAME=quickstart"], check=False)
        return 1

    def output_of(step: Step) -> str | None:
        return printed.get(step.script)

    PAGE.write_text(with_outputs(page, output_of))
    return 0


if __name__ == "__main__":
    sys.exit(main())
