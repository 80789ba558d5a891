"""``python -m wavegate``: the operator process."""

from __future__ import annotations

import os
import sys

import uvloop

from wavegate.app import run
from wavegate.garbage import collect_the_young_only
from wavegate.kube.reading import admit_deep_documents
from wavegate.settings import parse_settings
from wavegate.telemetry.logs import set_up_logs


def main() -> int:
    """Run until told to end; returns the exit code."""
    settings = parse_settings(sys.argv[1:], os.environ)
    set_up_logs(settings.log_format, verbose=settings.verbose)
    collect_the_young_only()
    admit_deep_documents()
    return uvloop.run(run(settings))


if __name__ == "__main__":
    sys.exit(main())
